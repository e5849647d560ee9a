#include "lib/sync/session.hh"

#include <algorithm>
#include <cerrno>

#include "lib/base/log.hh"

namespace pmemckpt::sync {

namespace {

constexpr std::size_t kMostRequestsOfHandshake = 2;

Type type_of(const Received& request) {
    return static_cast<Type>(request.header.type);
}

/// The raw bytes behind a message, of which none must be left when it is answered.
class Behind {
public:
    Behind(Stream& stream, std::uint64_t bytes) : stream_(stream), left_(bytes) {}

    Result<std::size_t> read(std::span<std::byte> into) {
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, into.size()));
        TRY(stream_.receive(into.first(count)));
        left_ -= count;
        return count;
    }
    Status drain() {
        std::vector<std::byte> piece(left_ == 0 ? 0 : kPiece);
        while (left_ != 0)
            TRY(read(piece));
        return {};
    }

private:
    Stream& stream_;
    std::uint64_t left_;
};

}  // namespace

Status Session::run() {
    TRY(authenticate());
    return answer_all();
}

Status Session::authenticate() {
    stream_.set_patience(Stream::Milliseconds(terms_.start_up_ms));
    stream_.set_deadline(Stream::Clock::now() + Stream::Milliseconds(terms_.start_up_ms));
    wire::ServerHandshake handshake(
        wire::kSyncService, terms_.key_dir, id_,
        [&](const std::string& name) -> Result<wire::ServerHandshake::Served> {
            const auto& identity = job_.identity();
            const auto uuid = parse_uuid(name);
            if (!name.empty() && (!uuid || *uuid != identity.participant))
                return fail(ENOENT, "this is participant {} and not {}", to_string(identity.participant),
                            name);
            wire::ServerHandshake::Served served{identity.participant, Key::from(identity.seed), {}};
            served.welcome.manager = "pmemckpt " PMEMCKPT_VERSION;
            return served;
        });
    for (std::size_t i = 0; i < kMostRequestsOfHandshake; ++i) {
        const auto request = TRY(stream_.receive_message(kMaximumStrangersMessage));
        auto answer = handshake.take({request.header, request.body()}, request.whole);
        if (answer && handshake.done() && !terms_.principal.empty() &&
            handshake.principal() != terms_.principal)
            answer =
                fail(EACCES, "{} may not come here: only {} may", handshake.principal(), terms_.principal);
        if (!answer) {
            static_cast<void>(reply_error(stream_, request, answer.error()));
            return tl::unexpected(std::move(answer).error());
        }
        is_known_ = handshake.done();  // before he hears it: who comes then finds him counted
        TRY(stream_.send(*answer));
    }
    stream_.set_deadline(std::nullopt);
    stream_.set_patience(Stream::Milliseconds(terms_.patience_ms));
    log::info("session {}: {} from {}", id_, handshake.principal(), stream_.peer());
    return {};
}

Status Session::answer_all() {
    while (!said_goodbye_) {
        TRY(stream_.wait_for_message());
        const auto request = TRY(stream_.receive_message());
        TRY(take(request));
    }
    return {};
}

Status Session::take(const Received& request) {
    switch (type_of(request)) {
        case Type::open: return take_open(request);
        case Type::prepare: return take_prepare(request);
        case Type::complete: return take_complete(request);
        case Type::abort: return take_abort(request);
        case Type::verify: return take_verify(request);
        case Type::rollback: return take_rollback(request);
        case Type::list: return take_list(request);
        case Type::goodbye: said_goodbye_ = true; return reply(stream_, request, Status());
    }
    if (service_ && service_->knows(request.header.type))
        return service_->take(request, stream_);
    TRY(reply_error(
        stream_, request,
        {EOPNOTSUPP, fmt::format("requests of type {:#06x} are not known here", request.header.type)}));
    // Whether raw bytes follow is not known.
    return fail(EPROTO, "{} sent a request of type {:#06x}", stream_.peer(), request.header.type);
}

/// Who is told of an error takes it that nothing was changed. When that is not known he must not be told.
template <class Answer>
Status Session::answer_change(const Received& request, const Result<Answer>& result) {
    if (!result && job_.has_failed())
        return tl::unexpected(result.error());
    return reply(stream_, request, result);
}

Status Session::check_is_open() const {
    return asker_ ? Status() : Status(fail(EPROTO, "no job was opened on this connection"));
}

Status Session::take_open(const Received& request) {
    const auto open = TRY(wire::decode_body<Open>(request.body()));
    auto opened = job_.open(open.job, open.instance, open.why, {this, [this] { stream_.cut(); }});
    if (opened)
        asker_ = Asker{open.instance, opened->term};
    return answer_change(request, opened);
}

Status Session::take_prepare(const Received& request) {
    auto prepare = TRY(wire::decode_body<Prepare>(request.body()));
    Behind behind(stream_, prepare.point.coordinator_bytes);
    auto prepared = [&]() -> Result<Prepared> {
        TRY(check_is_open());
        return Prepared{TRY(job_.prepare(*asker_, std::move(prepare.point),
                                         [&](std::span<std::byte> into) { return behind.read(into); }))};
    }();
    TRY(behind.drain());
    return answer_change(request, prepared);
}

Status Session::take_complete(const Received& request) {
    const auto complete = TRY(wire::decode_body<Complete>(request.body()));
    TRY(check_is_open());
    return answer_change(request, job_.complete(*asker_, complete.id));
}

Status Session::take_abort(const Received& request) {
    const auto abort = TRY(wire::decode_body<Abort>(request.body()));
    TRY(check_is_open());
    return answer_change(request, job_.abort(*asker_, abort.id));
}

Status Session::take_verify(const Received& request) {
    const auto verify = TRY(wire::decode_body<Verify>(request.body()));
    TRY(check_is_open());
    return reply(stream_, request, job_.verify(*asker_, verify.id));
}

Status Session::take_rollback(const Received& request) {
    const auto rollback = TRY(wire::decode_body<Rollback>(request.body()));
    TRY(check_is_open());
    auto rolled_back = job_.rollback(*asker_, rollback.id);
    if (!rolled_back)
        return answer_change(request, Status(tl::unexpected(rolled_back.error())));
    TRY(reply(stream_, request, Result<RolledBack>(RolledBack{*rolled_back})));
    return job_.read_coordinator_state(rollback.id,
                                       [&](std::span<const std::byte> bytes) { return stream_.send(bytes); });
}

Status Session::take_list(const Received& request) {
    TRY(wire::decode_body<List>(request.body()));
    Listed listed;
    if (auto job = job_.listed(); !job.job.empty())
        listed.jobs.push_back(std::move(job));
    return reply(stream_, request, Result<Listed>(std::move(listed)));
}

}  // namespace pmemckpt::sync
