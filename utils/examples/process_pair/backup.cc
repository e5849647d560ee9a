#include "utils/examples/process_pair/backup.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "utils/examples/process_pair/bytes.hh"

namespace process_pair {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kCursorPeriod{100};

std::string content_of(const ckpt::Reader& reader) {
    std::string bytes(reader.generation().length, '\0');
    if (reader.read(0, bytes.data(), bytes.size()) != bytes.size())
        throw WrongContent("it is shorter than it should be");
    return bytes;
}

}  // namespace

Backup::Backup(const Member& member, std::function<void()> wake) : member_(member), wake_(std::move(wake)) {
    client_.open_region(member_.region);
    // This process has no state yet: how far an earlier one of its name had read says nothing any more.
    try {
        client_.drop_cursor(member_.region, member_.name);
    } catch (const ckpt::Error& error) {
        if (error.code().value() != ENOENT)
            throw;
    }
    // Before anything is written: is it a bank at all? The following thread begins from the start again.
    client_.read_all(member_.region, [this](const ckpt::Item& item) { return take(item); });
    const auto after = hear_what_was();
    following_ = std::thread([this] { guarded([this] { follow(); }); });
    watching_ = std::thread([this, after] { guarded([this, after] { watch(after); }); });
}

Backup::~Backup() {
    stop();
}

/// Nothing is freed while a thread waits on it: they are told, and have come back.
void Backup::stop() {
    stopping_ = true;
    if (following_.joinable() || watching_.joinable())
        client_.shut_down();
    if (following_.joinable())
        following_.join();
    if (watching_.joinable())
        watching_.join();
}

void Backup::guarded(const std::function<void()>& act) {
    try {
        act();
    } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!stopping_ && !failure_)
            failure_ = std::current_exception();
    }
    wake_();
}

void Backup::rethrow_failure() {
    const std::lock_guard lock(mutex_);
    if (failure_)
        std::rethrow_exception(failure_);
}

// What the primary does, as it does it. Records of its own epoch are the last that this process reads: it has
// taken over then.
void Backup::follow() {
    client_.follow(member_.region, {}, [this](const ckpt::Item& item) { return take(item); });
}

bool Backup::take(const ckpt::Item& item) {
    const auto epoch = item.record ? item.record->epoch : item.generation->generation().epoch;
    if (epoch >= own_epoch_ || stopping_)
        return false;
    try {
        if (item.record)
            take_record(*item.record);
        else
            take_generation(*item.generation);
    } catch (const WrongContent& error) {
        const auto what = item.record ? "record " + std::to_string(item.record->sequence)
                                      : "generation " + std::to_string(item.generation->generation().number);
        throw WrongContent("region " + member_.region +
                           " holds something that process_pair did not write: " + what + ": " + error.what());
    }
    ++items_;
    return true;
}

void Backup::take_generation(const ckpt::Reader& reader) {
    bank_ = Bank::decode(content_of(reader));
    sealed_transfers_ = bank_->transfers();
    remember(reader.generation().number, 0);
}

void Backup::take_record(const ckpt::Record& record) {
    const auto item = decode_log_item({static_cast<const char*>(record.bytes), record.size});
    if (item.kind == LogItem::Kind::transfer) {
        if (!bank_)
            throw WrongContent("there is no generation that it could follow");
        bank_->replay(item.entry);
    }
    remember(record.generation, record.sequence);
}

// The cursor is for who wants to know how far this backup is (pmemckpt-ctl cursor REGION): durable,
// so not at each record.
void Backup::remember(std::uint64_t generation, std::uint64_t sequence) {
    const auto now = Clock::now();
    if (now < cursor_due_)
        return;
    cursor_due_ = now + kCursorPeriod;
    ckpt::Cursor cursor = {};
    cursor.generation = generation;
    cursor.sequence = sequence;
    std::memcpy(cursor.name, member_.name.data(), std::min(member_.name.size(), sizeof cursor.name - 1));
    try {
        client_.advance_cursor(member_.region, cursor);
    } catch (const ckpt::Error& error) {
        if (error.code().value() != EINVAL)  // that log has ended since: the next generation moves it on
            throw;
    }
}

/// Events before now say whether there is a primary at all. Returns the number of the last one.
std::uint64_t Backup::hear_what_was() {
    std::uint64_t last = 0;
    for (;;) {
        try {
            for (const auto& event : client_.watch(member_.region, last, 0)) {
                hear(event);
                last = event.number;
            }
        } catch (const ckpt::Error& error) {
            if (error.code().value() != ETIMEDOUT)
                throw;
            if (last == 0)
                loss_ = "there is none";
            return last;
        }
    }
}

void Backup::watch(std::uint64_t after) {
    while (!stopping_) {
        for (const auto& event : client_.watch(member_.region, after)) {
            hear(event);
            after = event.number;
        }
        wake_();
    }
}

// Who has taken over and not written yet is the primary all the same; should it die in that moment, its
// silence will show. What a primary has sealed may be told after its end, and is no sign of life.
void Backup::hear(const ckpt::Event& event) {
    const std::lock_guard lock(mutex_);
    switch (event.kind) {
        case PMEMCKPT_PRIMARY_LOST: loss_ = "its connection was lost"; break;
        case PMEMCKPT_PRIMARY_LEFT: loss_ = "it has left"; break;
        case PMEMCKPT_PRIMARY_CONNECTED:
        case PMEMCKPT_TAKEN_OVER: loss_.reset(); break;
        default: break;
    }
}

std::optional<std::string> Backup::loss() {
    rethrow_failure();
    const auto now = Clock::now();
    const auto elapsed = std::chrono::duration_cast<milliseconds>(now - std::exchange(last_look_, now));
    const auto items = items_.load();
    if (std::exchange(items_seen_, items) != items)
        silence_ = milliseconds(0);
    else
        silence_ += std::min(elapsed, 2 * look_period());
    {
        const std::lock_guard lock(mutex_);
        if (loss_)
            return loss_;
    }
    if (silence_ < member_.heartbeat)
        return std::nullopt;
    return "nothing came from it for " + std::to_string(silence_.count()) + " ms: it hangs";
}

Inheritance Backup::take_over() {
    // A connection of its own: this one is listened on.
    ckpt::Client client;
    const auto taken = client.take_over(member_.region, member_.name);
    own_epoch_ = taken.epoch;
    // From here on nothing of the old primary can arrive any more. What it had done is in the log before this
    // record; to have read the record is to know all of it.
    auto log = client.open_log(member_.region);
    const auto opened = encode(LogItem{LogItem::Kind::opened, member_.name, {}});
    log.append(opened.data(), opened.size());
    log.flush();
    following_.join();
    rethrow_failure();
    stop();
    return {std::move(client), std::move(log), std::move(bank_), sealed_transfers_, taken.epoch};
}

}  // namespace process_pair
