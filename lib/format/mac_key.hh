#pragma once
// What shows that metadata was written by a manager with the pool's key. man/pmemckpt-format.5, MACS.
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "lib/base/keys.hh"
#include "lib/base/uuid.hh"

namespace pmemckpt::format {

/// Derived from the manager key, another one for each pool; secret.
class MacKey {
public:
    MacKey(const Key& manager_key, const Uuid& pool);

    /// The public part of the manager key: the superblock has it.
    const PublicKey& manager_key() const { return manager_key_; }

    /// Of the parts, one after the other, as many bytes as `mac` has: 16 to 32.
    void compute(std::initializer_list<std::span<const std::byte>> parts, std::span<std::uint8_t> mac) const;
    /// Whether it is theirs; in constant time.
    bool verifies(std::initializer_list<std::span<const std::byte>> parts,
                  std::span<const std::uint8_t> mac) const;

private:
    PublicKey manager_key_;
    Key derived_;
};

}  // namespace pmemckpt::format
