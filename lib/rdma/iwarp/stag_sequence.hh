#pragma once
// STags of one connection: nobody can guess them, and none comes twice. A keyed permutation of 1, 2, 3, ...
// gives both without remembering the old ones.
#include <array>
#include <cstdint>

#include "lib/rdma/engine.hh"

namespace pmemckpt::rdma::iwarp {

/// Threads: none of its own; its owner locks.
class StagSequence {
public:
    StagSequence();
    /// Never 0. Begins anew when exhausted.
    Key next();
    bool exhausted() const { return given_ == UINT32_MAX; }
    /// Whether next() has ever returned it.
    bool was_given(Key stag) const;

private:
    static constexpr unsigned kRounds = 6;  // of a Feistel network over two halves of 16 bits

    std::uint16_t round(unsigned number, std::uint16_t half) const;
    std::uint32_t permute(std::uint32_t value) const;
    std::uint32_t invert(std::uint32_t value) const;

    std::array<unsigned char, 16> secret_;
    std::uint32_t given_ = 0;
};

}  // namespace pmemckpt::rdma::iwarp
