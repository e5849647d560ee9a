// Records on their way into a log: small ones copied and sent many at a time, large ones from where they are.
#include "lib/client/appender.hh"

#include <array>
#include <cerrno>

#include "lib/client/fenced.hh"
#include "lib/format/log_record.hh"

namespace pmemckpt::client {

namespace {

constexpr std::size_t kWordBytes = 8;

Status check_record(std::span<const std::byte> record) {
    if (record.empty())
        return fail(EINVAL, "a record of 0 bytes can't be appended");
    if (record.size() > format::kMaximumLogPayload)
        return fail(EMSGSIZE, "a record of {} bytes can't be appended: at most {}", record.size(),
                    format::kMaximumLogPayload);
    return {};
}

}  // namespace

Appender::State::State(std::shared_ptr<Session> the_session, LogOpening the_opening, LogRange the_range,
                       const wire::LogGranted& granted)
    : session(std::move(the_session)),
      opening(std::move(the_opening)),
      sequence(granted.next_sequence - 1),
      range_(std::move(the_range)),
      end_(granted.end),
      flushed_(granted.end),
      logs_ended_(session->logs_ended(opening.region)),
      growth_(session, opening),
      staging_(session),
      transfer_(session, kWritesInFlight) {}

/// What is queued is sent, though only flush() says that it is durable.
Appender::State::~State() {
    if (dead_ || !session->exchange().state() || !check_open())
        return;
    static_cast<void>(flush());
    wire::CloseLog request;
    request.region = opening.region;
    if (session->exchange().state())
        static_cast<void>(session->call<wire::Empty>(request, kFarewellLimit, WhenLate::forget));
}

/// A record that was refused before a byte of it was put leaves the log as it was.
bool Appender::State::is_final(const Error& error) const {
    return error.code != EINVAL && error.code != EMSGSIZE && error.code != ENOSPC && error.code != EFBIG;
}

/// Another session may have taken the region over, or ended the log.
Error Appender::State::remember(Error error) {
    const auto look = [&](const wire::Region& region) -> std::optional<Error> {
        if (region.log_id == opening.log_id)
            return std::nullopt;
        return Error{ESTALE, fmt::format("this log of {}, which followed generation {}, has ended (its "
                                         "newest generation is {}): connect again and open it anew",
                                         opening.region, opening.generation, region.newest)};
    };
    if (error.code != ESTALE && !session->exchange().state())
        error = why_lost(session->options(), {opening.region, opening.epoch, Right::append}, error, look);
    dead_ = error;
    return error;
}

/// A seal of this very client kills the windows: to write on would end its connection.
Status Appender::State::check_open() const {
    if (session->logs_ended(opening.region) != logs_ended_)
        return fail(
            ESTALE,
            "this log of {} was ended by this client, which sealed, cleared, destroyed or took over the "
            "region or opened its log again: open it anew",
            opening.region);
    return {};
}

Result<std::uint64_t> Appender::State::append(std::span<const std::byte> record) {
    TRY(check_record(record));
    TRY(check_open());
    TRY(growth_.make_room(range_, end_, format::log_record_bytes(record.size())));
    TRY(put(record));
    TRY(growth_.ahead(range_, end_));
    if (transfer_.is_idle())
        TRY(post_staged());  // while one is on its way the next ones gather
    return sequence;
}

Status Appender::State::put(std::span<const std::byte> record) {
    constexpr std::array<std::byte, format::kLogRecordAlignment> kPadding{};
    const auto header =
        format::log_record_header({opening.log_id, opening.epoch, opening.term}, sequence + 1, record);
    const auto padding = round_up(record.size(), kPadding.size()) - record.size();
    TRY(put_copied(std::as_bytes(std::span(&header, 1))));
    TRY(record.size() <= kCopiedRecord ? put_copied(record) : put_in_place(record));
    TRY(put_copied(std::span(kPadding).first(padding)));
    ++sequence;
    return {};
}

Status Appender::State::put_copied(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        if (staging_.is_full()) {
            TRY(post_staged());
            TRY(staging_.advance());
        }
        const auto part = bytes.first(std::min(bytes.size(), staging_.room()));
        TRY(staging_.put(part));
        end_ += part.size();
        bytes = bytes.subspan(part.size());
    }
    return {};
}

Status Appender::State::put_in_place(std::span<const std::byte> bytes) {
    TRY(post_staged());
    // A write only reads the memory: registration has one signature for both ways.
    const std::span writable(const_cast<std::byte*>(bytes.data()), bytes.size());
    const auto registration = TRY(session->exchange().register_memory(writable));
    TRY(range_.write(transfer_, registration, {{0}, {bytes.size()}}, end_, nullptr));
    end_ += bytes.size();
    return {};
}

Status Appender::State::post_staged() {
    const auto size = staging_.unsent();
    if (size == 0)
        return {};
    const auto part = staging_.take();
    return range_.write(transfer_, part.registration, part.extent, end_ - size, part.in_flight);
}

Status Appender::State::flush() {
    if (flushed_ == end_)
        return {};
    TRY(check_open());
    const auto attending = session->exchange().attend();
    TRY(make_durable());
    flushed_ = end_;
    hint();
    return {};
}

Status Appender::State::make_durable() {
    switch (opening.flush_by) {
        case wire::FlushBy::read: return write_and_read_back();
        case wire::FlushBy::flush: return write_and_flush();
        case wire::FlushBy::request: break;
    }
    return write_and_ask();
}

/// The responder's device makes durable what lies in its windows.
Status Appender::State::write_and_flush() {
    {
        const Transfer::Gathering together(transfer_);
        TRY(post_staged());
        TRY(range_.flush(transfer_, flushed_, end_));
    }
    return transfer_.drain();
}

/// A device that only moves bytes: the request comes to the manager behind them.
Status Appender::State::write_and_ask() {
    TRY(post_staged());
    wire::FlushLog request;
    request.region = opening.region;
    request.log_id = opening.log_id;
    request.term = opening.term;
    request.from = flushed_;
    request.to = end_;
    TRY(session->call<wire::Empty>(request, work_limit(end_ - flushed_)));
    return transfer_.drain();
}

/// The responder makes durable what this connection wrote before it answers a read; one read goes through
/// each window that was written through, the first of them together with the last writes.
Status Appender::State::write_and_read_back() {
    const auto places = range_.last_words(flushed_, end_);
    TRY(make_words(places.size()));
    {
        const Transfer::Gathering together(transfer_);
        TRY(post_staged());
        for (std::size_t i = 0; i < places.size(); ++i)
            TRY(range_.read(transfer_, words_registered_, {{i * kWordBytes}, {kWordBytes}}, places[i]));
    }
    return transfer_.drain();
}

Status Appender::State::make_words(std::size_t count) {
    if (words_registered_ && words_.size() >= count * kWordBytes)
        return {};
    words_registered_ = nullptr;
    words_.resize(count * kWordBytes);
    words_registered_ = TRY(session->exchange().register_memory(words_));
    return {};
}

void Appender::State::hint() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_hint_)
        return;
    next_hint_ = now + kHintInterval;
    wire::LogHint request;
    request.region = opening.region;
    const auto id = session->exchange().next_id();
    static_cast<void>(session->exchange().tell(id, wire::encode_request(id, request)));
}

Appender::Appender(std::unique_ptr<State> state) : state_(std::move(state)) {}
Appender::~Appender() = default;

Result<std::uint64_t> Appender::append(std::span<const std::byte> record) {
    return state_->guarded([&] { return state_->append(record); });
}

Status Appender::flush() {
    return state_->guarded([&] { return state_->flush(); });
}

std::uint64_t Appender::generation() const {
    return state_->opening.generation;
}

std::uint8_t Appender::durability() const {
    return state_->opening.durability;
}

std::uint64_t Appender::sequence() const {
    return state_->sequence;
}

}  // namespace pmemckpt::client
