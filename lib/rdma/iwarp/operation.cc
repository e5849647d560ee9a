#include "lib/rdma/iwarp/operation.hh"

namespace pmemckpt::rdma::iwarp {

std::uint64_t Completions::expect(std::uint64_t tag) {
    entries_.push_back({tag, false});
    return first_ + entries_.size() - 1;
}

void Completions::complete(std::uint64_t ticket) {
    entries_.at(ticket - first_).done = true;
}

std::optional<Completions::Done> Completions::next() {
    if (entries_.empty() || !entries_.front().done)
        return std::nullopt;
    const Done done{entries_.front().tag, {}};
    entries_.pop_front();
    ++first_;
    return done;
}

std::optional<Completions::Done> Completions::next_or(const Error& error) {
    if (entries_.empty())
        return std::nullopt;
    if (entries_.front().done)
        return next();
    const Done done{entries_.front().tag, tl::unexpected<Error>(error)};
    entries_.pop_front();
    ++first_;
    return done;
}

}  // namespace pmemckpt::rdma::iwarp
