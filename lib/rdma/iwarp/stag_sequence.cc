#include "lib/rdma/iwarp/stag_sequence.hh"

#include <sodium.h>

#include "lib/rdma/iwarp/big_endian.hh"

namespace pmemckpt::rdma::iwarp {

static_assert(crypto_shorthash_KEYBYTES == 16);

StagSequence::StagSequence() {
    randombytes_buf(secret_.data(), secret_.size());
}

std::uint16_t StagSequence::round(unsigned number, std::uint16_t half) const {
    const unsigned char input[] = {static_cast<unsigned char>(number), static_cast<unsigned char>(half >> 8),
                                   static_cast<unsigned char>(half)};
    unsigned char hash[crypto_shorthash_BYTES];
    crypto_shorthash(hash, input, sizeof input, secret_.data());
    return static_cast<std::uint16_t>(hash[0] << 8 | hash[1]);
}

std::uint32_t StagSequence::permute(std::uint32_t value) const {
    auto left = static_cast<std::uint16_t>(value >> 16), right = static_cast<std::uint16_t>(value);
    for (unsigned number = 0; number < kRounds; ++number) {
        const auto mixed = static_cast<std::uint16_t>(left ^ round(number, right));
        left = right;
        right = mixed;
    }
    return static_cast<std::uint32_t>(left) << 16 | right;
}

std::uint32_t StagSequence::invert(std::uint32_t value) const {
    auto left = static_cast<std::uint16_t>(value >> 16), right = static_cast<std::uint16_t>(value);
    for (unsigned number = kRounds; number-- > 0;) {
        const auto mixed = static_cast<std::uint16_t>(right ^ round(number, left));
        right = left;
        left = mixed;
    }
    return static_cast<std::uint32_t>(left) << 16 | right;
}

Key StagSequence::next() {
    Key stag = 0;
    while (stag == 0)
        stag = permute(++given_);
    return stag;
}

bool StagSequence::was_given(Key stag) const {
    const std::uint32_t number = invert(stag);
    return stag != 0 && number != 0 && number <= given_;
}

}  // namespace pmemckpt::rdma::iwarp
