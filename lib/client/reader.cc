// An open generation: each read() is a transfer of its own, so any number of threads may read.
#include "lib/client/reader.hh"

#include <algorithm>

namespace pmemckpt::client {

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}

Reader::~Reader() {
    wire::CloseGeneration request;
    request.handle = state_->opened.handle;
    static_cast<void>(state_->session->call<wire::Empty>(request, kFarewellLimit, WhenLate::forget));
}

const wire::Generation& Reader::generation() const {
    return state_->opened.generation;
}

Result<std::size_t> Reader::read(std::uint64_t offset, std::span<std::byte> into) {
    const auto length = generation().length;
    TRY(state_->session->exchange().state());
    if (offset >= length || into.empty())
        return std::size_t{0};
    const auto part = into.first(std::min<std::uint64_t>(into.size(), length - offset));
    const auto registration = TRY(state_->session->exchange().register_memory(part));
    const auto attending = state_->session->exchange().attend();
    Transfer transfer(state_->session, state_->opened.window, kReadsInFlight);
    TRY(transfer.read(registration, {offset}));
    TRY(transfer.drain());
    return part.size();
}

}  // namespace pmemckpt::client
