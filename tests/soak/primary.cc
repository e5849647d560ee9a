// Writes generations and records at random, and tells what it is about to do and what was answered.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "tests/soak/image.hh"
#include "tests/soak/member.hh"
#include "tests/soak/random.hh"

namespace soak {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::chrono::seconds kLogLimit{20};  // till the manager has noticed that the log's writer is dead
constexpr milliseconds kLogPause{10};
constexpr int kLookForLoss_ms = 50;  // of the connection, when there is nothing else to do
constexpr std::uint64_t kRecordsAtOnce = 12;
constexpr std::size_t kPins = 2;  // at most

class Primary {
public:
    Primary(Member member, ckpt::Client client, Orders& orders)
        : member_(std::move(member)),
          client_(std::move(client)),
          orders_(orders),
          random_(member_.writer),
          images_(member_.writer, random_) {}

    void run();

private:
    void recover();
    bool recover_once();
    std::uint64_t newest();
    std::uint64_t read_log(std::uint64_t& generation);
    void obey(const Line& order);
    void clear();
    void remake(std::uint64_t keep);
    void keep(std::uint64_t number);
    void change_pin();
    void rest();
    void act();
    void seal();
    void write(ckpt::Writer& writer, const Image& image);
    ckpt::Writer begin(const Image& image);
    void append_some();
    void append_one();
    void open_log();

    Member member_;
    ckpt::Client client_;
    Orders& orders_;
    Random random_;
    Images images_;
    std::uint64_t number_ = 0;  // of the generation that images_ goes on from
    std::optional<ckpt::Appender> log_;
    std::uint64_t log_generation_ = 0;
    std::uint64_t next_sequence_ = 0;
    std::vector<Bytes> on_their_way_;  // large records are sent from where they lie
};

void Primary::run() {
    recover();
    for (;;) {
        if (const auto order = orders_.next(0))
            obey(*order);
        act();
        std::this_thread::sleep_for(std::chrono::microseconds(random_.below(2 * member_.pause_us + 1)));
    }
}

/// As a program does that begins: it opens the region, and reads the newest generation and the log behind it.
/// Opened first: from then on a takeover fences this process.
void Primary::recover() {
    if (member_.create_keep != 0)
        say("creating", {member_.tenure.life, member_.create_keep});
    client_.open_region(member_.region, static_cast<std::uint32_t>(member_.create_keep));
    if (member_.create_keep != 0)
        say("created", {member_.tenure.life, member_.create_keep});
    while (!recover_once()) {
    }
}

/// False: a generation has come meanwhile.
bool Primary::recover_once() {
    images_.forget();
    number_ = 0;
    if (const auto reader = client_.open_newest(member_.region)) {
        const auto generation = reader->generation();
        auto bytes = read_whole(*reader);
        look_at_image(bytes, "recovered generation " + std::to_string(generation.number));
        say("read", {generation.number, bytes.size(), hash_of(bytes), generation.epoch});
        number_ = generation.number;
        images_.go_on_from(std::move(bytes));
    }
    std::uint64_t generation = number_;
    const auto records = read_log(generation);
    const auto now = newest();
    say("recovered", {member_.tenure.life, number_, generation, records, now});
    return now == number_;
}

std::uint64_t Primary::newest() {
    const auto reader = client_.open_newest(member_.region);
    return reader ? reader->generation().number : 0;
}

/// How many records there are; they are reported. `generation` is changed if they are behind another one.
std::uint64_t Primary::read_log(std::uint64_t& generation) {
    std::uint64_t count = 0;
    try {
        auto log = client_.read_log(member_.region);
        while (const auto record = log.next()) {
            look_at_record(bytes_of(*record), "record " + std::to_string(record->sequence));
            say("record", {record->generation, record->sequence, record->size, hash_of(bytes_of(*record)),
                           record->epoch});
            generation = record->generation;
            ++count;
        }
    } catch (const ckpt::Error& error) {
        if (code_of(error) != ENODATA && code_of(error) != ESTALE)
            throw;
    }
    return count;
}

void Primary::obey(const Line& order) {
    if (order.verb == "clear")
        clear();
    else if (order.verb == "remake")
        remake(order[0]);
    else if (order.verb == "keep")
        keep(order[0]);
    else if (order.verb == "pin")
        change_pin();
    else if (order.verb == "rest")
        rest();
    say("done", {}, order.verb);
}

void Primary::clear() {
    say("clearing", {member_.tenure.life, member_.tenure.clears});
    client_.clear(member_.region);
    say("cleared", {member_.tenure.life, member_.tenure.clears++});
    log_.reset();
    images_.forget();
    number_ = 0;
}

void Primary::remake(std::uint64_t keep) {
    if (random_.percent(50))
        log_.reset();
    say("destroying", {member_.tenure.life});
    client_.destroy_region(member_.region);
    say("destroyed", {member_.tenure.life});
    member_.tenure = {member_.tenure.life + 1, 0};
    log_.reset();
    images_.forget();
    number_ = 0;
    say("creating", {member_.tenure.life, keep});
    client_.open_region(member_.region, static_cast<std::uint32_t>(keep));
    say("created", {member_.tenure.life, keep});
}

void Primary::keep(std::uint64_t number) {
    say("keeping", {member_.tenure.life, number});
    client_.set_retention(member_.region, static_cast<std::uint32_t>(number), 0);
    say("kept", {member_.tenure.life, number});
}

void Primary::change_pin() {
    auto list = client_.generations(member_.region);
    if (list.empty())
        return;
    const auto is_pinned = [](const ckpt::Generation& generation) { return generation.pinned != 0; };
    const auto pins = std::count_if(list.begin(), list.end(), is_pinned);
    if (static_cast<std::size_t>(pins) >= kPins)
        list.erase(std::remove_if(list.begin(), list.end(), std::not_fn(is_pinned)), list.end());
    const auto& chosen = list[random_.below(list.size())];
    const std::uint64_t pinned = chosen.pinned ? 0 : 1;
    say("pinning", {member_.tenure.life, chosen.number, pinned});
    client_.pin(member_.region, chosen.number, pinned != 0);
    say("pinned", {member_.tenure.life, chosen.number, pinned});
}

void Primary::rest() {
    say("resting", {member_.tenure.life, number_});
    for (;;) {
        static_cast<void>(orders_.next(kLookForLoss_ms));
        static_cast<void>(newest());
    }
}

void Primary::act() {
    try {
        if (random_.percent(35))
            seal();
        else
            append_some();
    } catch (const ckpt::Error& error) {
        if (code_of(error) != ENOSPC)
            throw;
        say("full", {}, error.what());  // a reader may hold what retention has dropped
    }
}

void Primary::seal() {
    auto image = images_.next(number_ != 0);
    auto writer = begin(image);
    write(writer, image);
    if (random_.percent(6))
        return;  // it is dropped, and nobody may ever see it
    const auto length = image.bytes.size();
    const auto hash = hash_of(image.bytes);
    say("sealing", {member_.tenure.life, length, hash});
    const auto sealed = writer.seal(length);
    say("sealed", {member_.tenure.life, sealed.number, length, hash, sealed.epoch});
    if (sealed.length != length)
        say("wrong", {}, "generation " + std::to_string(sealed.number) + " was sealed with another length");
    log_.reset();
    on_their_way_.clear();
    number_ = sealed.number;
    images_.go_on_from(std::move(image.bytes));
}

ckpt::Writer Primary::begin(const Image& image) {
    const auto room = image.bytes.size() + (random_.percent(20) ? random_.below(100'000) : 0);
    if (image.is_clone)
        return client_.begin_clone(member_.region, room, image.written, number_);
    return client_.begin(member_.region, room);
}

/// In pieces, in no order.
void Primary::write(ckpt::Writer& writer, const Image& image) {
    auto pieces = image.written;
    for (auto left = pieces.size(); left > 1; --left)
        std::swap(pieces[left - 1], pieces[random_.below(left)]);
    for (const auto& piece : pieces)
        if (piece.length != 0)
            writer.write(piece.offset, image.bytes.data() + piece.offset, piece.length);
}

void Primary::append_some() {
    if (!log_)
        open_log();
    for (auto left = random_.between(1, kRecordsAtOnce); left != 0; --left)
        append_one();
    if (random_.percent(12))
        return;
    log_->flush();
    on_their_way_.clear();
    say("answered", {member_.tenure.life, member_.tenure.clears, log_generation_, next_sequence_ - 1});
}

void Primary::append_one() {
    on_their_way_.push_back(images_.record());
    const auto& record = on_their_way_.back();
    say("appending", {member_.tenure.life, member_.tenure.clears, log_generation_, next_sequence_,
                      record.size(), hash_of(record)});
    const auto sequence = log_->append(record.data(), record.size());
    if (sequence != next_sequence_) {
        log_->flush();  // fails when another generation has ended this log: then this was one behind that
        say("wrong", {},
            "the record is number " + std::to_string(sequence) + ", and should be " +
                std::to_string(next_sequence_));
    }
    ++next_sequence_;
}

void Primary::open_log() {
    const auto end = Clock::now() + kLogLimit;
    while (!log_) {
        try {
            log_.emplace(client_.open_log(member_.region));
        } catch (const ckpt::Error& error) {
            if (code_of(error) != EBUSY || Clock::now() > end)
                throw;
            std::this_thread::sleep_for(kLogPause);
        }
    }
    // From now on only this process appends, unless the log ends.
    log_generation_ = newest();
    std::uint64_t generation = log_generation_;
    next_sequence_ = read_log(generation) + 1;
    say("opened", {member_.tenure.life, log_generation_, next_sequence_});
}

}  // namespace

void run_primary(Member member, ckpt::Client client, Orders& orders) {
    Primary(std::move(member), std::move(client), orders).run();
}

}  // namespace soak
