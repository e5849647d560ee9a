// A generation being written: pieces in flight, what they cover, and its end.
#include "lib/client/writer.hh"

#include <algorithm>
#include <cerrno>

#include "lib/client/answers.hh"
#include "lib/client/fenced.hh"

namespace pmemckpt::client {

Writer::State::State(std::shared_ptr<Session> the_session, std::string the_region, const wire::Begun& begun,
                     std::uint64_t the_size, std::optional<Ranges> the_dirty)
    : session(std::move(the_session)),
      region(std::move(the_region)),
      draft_id(begun.draft_id),
      epoch(begun.epoch),
      size(the_size),
      dirty(std::move(the_dirty)),
      transfer_(session, begun.window, kWritesInFlight) {}

/// A takeover kills the window in mid-write: then the connection ends without a word of it.
Error Writer::State::remember(Error error) {
    if (dead_)
        return *dead_;
    if (error.code != ESTALE && !session->exchange().state()) {
        error = why_lost(session->options(), {region, epoch, Right::write}, error);
        if (error.code == ESTALE && asked_)
            error.message += "; whether this generation was sealed before that is not known";
    }
    dead_ = error;
    return error;
}

Status Writer::State::check_range(std::uint64_t offset, std::uint64_t bytes) const {
    if (!fits({{offset}, {bytes}}, {size}))
        return fail(ERANGE,
                    "{} bytes at {} do not fit into the {} bytes that the generation of {} was begun with",
                    bytes, offset, size, region);
    if (dirty && bytes > 0 && !dirty->contains({{offset}, {bytes}}))
        return fail(
            ERANGE,
            "{} bytes at {} of this clone of {} are not all in the dirty ranges it was begun with: name "
            "them there",
            bytes, offset, region);
    return {};
}

/// The checksum of each piece is taken before it is posted: of what the bytes were when write() was called.
Status Writer::State::write(std::uint64_t offset, const std::shared_ptr<rdma::Registration>& local,
                            Extent from, const RegisteredBuffer* buffer) {
    const auto bytes = local->bytes().subspan(from.at.bytes, from.size.bytes);
    for (std::uint64_t at = 0; at < bytes.size();) {
        const auto piece = std::min<std::uint64_t>(kPieceBytes, bytes.size() - at);
        if (!dirty)
            coverage_.add(offset + at, bytes.subspan(at, piece));
        TRY(transfer_.write(local, {{from.at.bytes + at}, {piece}}, {offset + at}, buffer));
        at += piece;
    }
    return {};
}

Status Writer::State::flush() {
    return transfer_.drain();
}

/// Of a clone, what the base's part of it is was never seen here: the manager computes it.
std::optional<std::uint32_t> Writer::State::checksum(std::uint64_t length) const {
    return dirty ? std::nullopt : coverage_.checksum(length);
}

Result<wire::Generation> Writer::State::seal(std::uint64_t length, std::optional<std::uint32_t> crc32c) {
    if (length > size)
        return fail(ERANGE, "{} bytes can't be sealed of a generation of {} that was begun with {}", length,
                    region, size);
    TRY(flush());
    session->end_log(region);  // before its windows die of this
    wire::Seal request;
    request.draft_id = draft_id;
    request.length = length;
    const auto meant = crc32c ? crc32c : checksum(length);
    request.has_crc = meant ? 1 : 0;
    request.crc32c = meant.value_or(0);
    asked_ = true;
    auto generation = TRY(session->call<wire::Generation>(request, work_limit(length)));
    over_ = true;
    auto good = check_answer(generation);
    if (good && generation.length != length)
        good = fail(EPROTO, "a seal of {} bytes was answered with a generation of {}", length,
                    generation.length);
    if (!good)
        return tl::unexpected(session->distrust(good.error()));
    return generation;
}

Status Writer::State::abort(Milliseconds limit, WhenLate late) {
    static_cast<void>(transfer_.drain());  // the caller's memory is let go, however it ended
    if (over_ || !session->exchange().state())
        return {};  // the manager drops the drafts of a connection that has ended
    over_ = true;
    wire::Abort request;
    request.draft_id = draft_id;
    const auto answer = session->call<wire::Empty>(request, limit, late);
    if (!answer && answer.error().code != ENOENT)  // a seal that failed has dropped it already
        return tl::unexpected(answer.error());
    return {};
}

Writer::Writer(std::unique_ptr<State> state) : state_(std::move(state)) {}

Writer::~Writer() {
    static_cast<void>(state_->abort(kFarewellLimit, WhenLate::forget));
}

std::uint64_t Writer::size() const {
    return state_->size;
}

Status Writer::write(std::uint64_t offset, const std::shared_ptr<Buffer>& buffer, std::uint64_t from,
                     std::uint64_t size) {
    return state_->guarded([&]() -> Status {
        TRY(state_->check_range(offset, size));
        const auto* own = dynamic_cast<const RegisteredBuffer*>(buffer.get());
        if (!own || !own->belongs_to(*state_->session))
            return fail(EINVAL, "a buffer can be written from with the client that registered it only");
        const Extent extent{{from}, {size}};
        if (!fits(extent, {own->bytes().size()}))
            return fail(ERANGE, "{} bytes at {} of a buffer of {} can't be written: they lie beyond its end",
                        size, from, own->bytes().size());
        return state_->write(offset, own->registration(), extent, own);
    });
}

Status Writer::write(std::uint64_t offset, std::span<const std::byte> bytes) {
    return state_->guarded([&]() -> Status {
        TRY(state_->check_range(offset, bytes.size()));
        if (bytes.empty())
            return {};
        // A write only reads the memory: registration has one signature for both ways.
        const std::span writable(const_cast<std::byte*>(bytes.data()), bytes.size());
        const auto registration = TRY(state_->session->exchange().register_memory(writable));
        return state_->write(offset, registration, {{0}, {bytes.size()}}, nullptr);
    });
}

Status Writer::flush() {
    return state_->guarded([&] { return state_->flush(); });
}

Result<wire::Generation> Writer::seal(std::optional<std::uint64_t> length,
                                      std::optional<std::uint32_t> crc32c) {
    auto generation = state_->guarded([&] { return state_->seal(length.value_or(state_->size), crc32c); });
    if (generation)
        state_->remember({EINVAL, fmt::format("generation {} of {} is sealed: begin another",
                                              generation->number, state_->region)});
    return generation;
}

Status Writer::abort() {
    auto status = state_->abort(state_->session->change_limit(), WhenLate::end_connection);
    state_->remember(
        {EINVAL, fmt::format("this generation of {} was dropped: begin another", state_->region)});
    return status;
}

}  // namespace pmemckpt::client
