#include "lib/client/staging.hh"

#include <algorithm>

#include "lib/client/transfer.hh"

namespace pmemckpt::client {

Status Staging::put(std::span<const std::byte> bytes) {
    require(bytes.size() <= room(), "what is staged fits into its block");
    auto& into = block();
    if (!into.registration) {
        into.memory.resize(kStagingBlock);
        into.registration = TRY(session_->exchange().register_memory(into.memory));
    }
    std::copy(bytes.begin(), bytes.end(), into.memory.begin() + static_cast<std::ptrdiff_t>(filled_));
    filled_ += bytes.size();
    return {};
}

Staging::Part Staging::take() {
    Part part{block().registration, {{sent_}, {unsent()}}, block().in_flight};
    sent_ = filled_;
    return part;
}

Status Staging::advance() {
    require(unsent() == 0, "a block is sent before it is left");
    present_ = (present_ + 1) % kStagingBlocks;
    filled_ = sent_ = 0;
    wait_until_unused(*block().in_flight, *session_);
    return session_->exchange().state();
}

}  // namespace pmemckpt::client
