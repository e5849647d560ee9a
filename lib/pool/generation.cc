#include "lib/pool/page_store.hh"
#include "lib/pool/pool.hh"

namespace pmemckpt::pool {

Generation::Generation(GenerationInfo info, std::shared_ptr<const Pages> pages)
    : info_(std::move(info)), pages_(std::move(pages)) {}

Generation::~Generation() = default;

const std::vector<std::uint64_t>& Generation::page_offsets() const {
    return pages_->offsets();
}

}  // namespace pmemckpt::pool
