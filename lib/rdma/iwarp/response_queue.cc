#include "lib/rdma/iwarp/response_queue.hh"

#include <algorithm>

namespace pmemckpt::rdma::iwarp {

InboundRead* ResponseQueue::first_waiting() {
    const auto found = std::find_if(reads_.begin(), reads_.end(),
                                    [](const InboundRead& read) { return !read.before.empty(); });
    return found == reads_.end() ? nullptr : &*found;
}

InboundRead* ResponseQueue::ready() {
    return reads_.empty() || !reads_.front().before.empty() ? nullptr : &reads_.front();
}

std::optional<std::vector<DirtyWindow>> ResponseQueue::start_persist() {
    InboundRead* const read = persisting_ ? nullptr : first_waiting();
    if (!read)
        return std::nullopt;
    persisting_ = true;
    return read->before;
}

void ResponseQueue::persist_done() {
    persisting_ = false;
    if (InboundRead* const read = first_waiting())
        read->before.clear();
}

}  // namespace pmemckpt::rdma::iwarp
