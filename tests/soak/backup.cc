// Follows its region, tells what it has read, and takes it over when it is told to.
#include <cerrno>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>

#include "tests/soak/member.hh"
#include "tests/soak/random.hh"

namespace soak {

namespace {

constexpr int kLookAtFollower_ms = 20;
constexpr unsigned kItemsBetweenLooks = 8;  // at the cursor, when the library moves it

class Backup {
public:
    Backup(const Member& member, std::string cursor)
        : member_(member), cursor_(std::move(cursor)), moves_itself_(cursor_ == "explicit") {}
    ~Backup() { stop(); }

    void start() {
        thread_ = std::thread([this] { follow(); });
    }
    void stop();
    void rethrow_failure();
    void say_cursor();

private:
    void follow();
    void follow_once();
    bool take(const ckpt::Item& item);
    void take_generation(const ckpt::Reader& reader);
    void take_record(const ckpt::Record& record);
    void move_cursor(std::uint64_t generation, std::uint64_t sequence);

    const Member& member_;
    const std::string cursor_;
    const bool moves_itself_;
    ckpt::Client client_;
    unsigned items_ = 0;
    std::mutex cursor_mutex_;  // what is said of the cursor is in the order of what it was
    std::mutex mutex_;
    std::exception_ptr failure_;  // under mutex_
    std::thread thread_;
};

void Backup::stop() {
    if (!thread_.joinable())
        return;
    client_.shut_down();
    thread_.join();
}

void Backup::rethrow_failure() {
    const std::lock_guard lock(mutex_);
    if (failure_)
        std::rethrow_exception(failure_);
}

void Backup::follow() {
    try {
        for (;;)
            follow_once();
    } catch (...) {
        const std::lock_guard lock(mutex_);
        failure_ = std::current_exception();
    }
}

void Backup::follow_once() {
    ckpt::FollowOptions options;
    options.cursor = cursor_;
    options.keep_cursor = moves_itself_;
    try {
        client_.follow(member_.region, options, [this](const ckpt::Item& item) { return take(item); });
    } catch (const ckpt::Error& error) {
        if (code_of(error) != ERANGE)
            throw;
        // Cleared: the cursor is ahead of a log that has begun anew.
        const std::lock_guard lock(cursor_mutex_);
        say("dropping", {member_.tenure.life}, cursor_);
        client_.drop_cursor(member_.region, cursor_);
        say("dropped", {member_.tenure.life}, cursor_);
    }
}

bool Backup::take(const ckpt::Item& item) {
    if (!moves_itself_ && items_++ % kItemsBetweenLooks == 0)
        say_cursor();
    if (item.generation)
        take_generation(*item.generation);
    else
        take_record(*item.record);
    return true;
}

void Backup::take_generation(const ckpt::Reader& reader) {
    const auto generation = reader.generation();
    const auto bytes = read_whole(reader);
    look_at_image(bytes, "followed generation " + std::to_string(generation.number));
    say("read", {generation.number, bytes.size(), hash_of(bytes), generation.epoch});
    move_cursor(generation.number, 0);
}

void Backup::take_record(const ckpt::Record& record) {
    const auto bytes = bytes_of(record);
    look_at_record(bytes, "followed record " + std::to_string(record.sequence));
    say("record", {record.generation, record.sequence, record.size, hash_of(bytes), record.epoch});
    move_cursor(record.generation, record.sequence);
}

void Backup::move_cursor(std::uint64_t generation, std::uint64_t sequence) {
    if (!moves_itself_)
        return;
    ckpt::Cursor cursor = {};
    cursor.generation = generation;
    cursor.sequence = sequence;
    std::strncpy(cursor.name, cursor_.c_str(), sizeof cursor.name - 1);
    const std::lock_guard lock(cursor_mutex_);
    try {
        client_.advance_cursor(member_.region, cursor);
        say("cursor", {member_.tenure.life, member_.tenure.clears, generation, sequence}, cursor_);
    } catch (const ckpt::Error& error) {
        if (code_of(error) != EINVAL && code_of(error) != ESTALE)  // that log has ended since
            throw;
    }
}

void Backup::say_cursor() {
    const std::lock_guard lock(cursor_mutex_);
    const auto now = client_.cursor(member_.region, cursor_);
    say("cursor", {member_.tenure.life, member_.tenure.clears, now.generation, now.sequence}, cursor_);
}

}  // namespace

void run_backup(Member member, const std::string& cursor, Orders& orders) {
    {
        Backup backup(member, cursor);
        backup.start();
        auto order = orders.next(kLookAtFollower_ms);
        for (; !order || order->verb != "take"; order = orders.next(kLookAtFollower_ms)) {
            backup.rethrow_failure();
            if (order && order->verb == "tell")
                backup.say_cursor();
        }
        backup.stop();
        member.tenure = {(*order)[0], (*order)[1]};
    }
    ckpt::Client client;
    say("taking", {member.tenure.life});
    const auto taken = client.take_over(member.region, cursor);
    say("taken", {member.tenure.life, taken.epoch, taken.previous_epoch, taken.newest, taken.records});
    run_primary(std::move(member), std::move(client), orders);
}

}  // namespace soak
