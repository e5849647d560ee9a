// Two checksums of each page, one of them keyed: 96 bits that nobody meets by chance, or by intent.
#include <sodium.h>

#include <array>
#include <cerrno>

#include "lib/base/crc32c.hh"
#include "lib/client/dirty_methods.hh"

namespace pmemckpt::client {

namespace {

struct PageSum {
    std::uint32_t crc = 0;
    std::array<unsigned char, crypto_shorthash_BYTES> hash{};
    bool operator==(const PageSum&) const = default;
};

class ByChecksums final : public DirtyTracker {
public:
    explicit ByChecksums(std::span<const std::byte> memory) : DirtyTracker(memory), sums_(pages_.size()) {
        crypto_shorthash_keygen(key_.data());
    }
    TrackingMethod method() const override { return TrackingMethod::checksums; }

private:
    PageSum sum_of(std::span<const std::byte> bytes) const {
        PageSum sum;
        sum.crc = crc32c(bytes);
        crypto_shorthash(sum.hash.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                         key_.data());
        return sum;
    }
    Status look() override {
        for (std::size_t at = 0; at < sums_.size(); ++at) {
            const auto sum = sum_of(page(at));
            if (sum == sums_[at])
                continue;
            sums_[at] = sum;
            pages_[at] = true;
        }
        return {};
    }

    std::array<unsigned char, crypto_shorthash_KEYBYTES> key_{};
    std::vector<PageSum> sums_;
};

}  // namespace

Result<std::unique_ptr<DirtyTracker>> track_by_checksums(std::span<const std::byte> memory) {
    if (sodium_init() < 0)
        return fail(ENOTSUP, "libsodium can't be started: it has no source of random numbers");
    return std::make_unique<ByChecksums>(memory);
}

}  // namespace pmemckpt::client
