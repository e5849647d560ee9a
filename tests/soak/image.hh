#pragma once
// The states that a primary lives through, of random sizes.
#include <pmemckpt/pmemckpt.hh>

#include "tests/soak/content.hh"
#include "tests/soak/random.hh"

namespace soak {

struct Image {
    Bytes bytes;
    bool is_clone = false;
    std::vector<pmemckpt::api::Range> written;  ///< what differs from the base, or from zeros
};

class Images {
public:
    Images(std::uint64_t writer, Random& random) : writer_(writer), random_(random) {}

    /// The next state; a whole one, or one that goes on from the last.
    Image next(bool may_clone);
    void go_on_from(Bytes bytes) { last_ = std::move(bytes); }
    void forget() { last_.clear(); }
    Bytes record();

private:
    std::uint64_t size();
    Image whole();
    Image changed();
    void write_block(Image& image, std::uint64_t offset);
    Origin origin() { return {writer_, ++counter_}; }

    std::uint64_t writer_;
    Random& random_;
    std::uint64_t counter_ = 0;
    Bytes last_;
};

}  // namespace soak
