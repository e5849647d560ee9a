#include "tests/support/mutation.hh"

#include <algorithm>
#include <array>

namespace pmemckpt::test {

namespace {

constexpr std::size_t kMostAtOnce = 64;

auto place(std::vector<std::byte>& bytes, std::size_t at) {
    return bytes.begin() + static_cast<std::ptrdiff_t>(at);
}

}  // namespace

std::vector<std::byte> Mutator::noise(std::size_t count) {
    std::vector<std::byte> bytes(count);
    for (auto& byte : bytes)
        byte = static_cast<std::byte>(generator_());
    return bytes;
}

void Mutator::mutate(std::vector<std::byte>& bytes) {
    for (auto changes = 1 + below(4); changes > 0; --changes)
        change_once(bytes);
}

void Mutator::change_once(std::vector<std::byte>& bytes) {
    switch (below(8)) {
        case 0: return remove_some(bytes);
        case 1: return double_some(bytes);
        case 2: return insert_noise(bytes);
        case 3: return bytes.resize(below(bytes.size() + 1));
        case 4:
        case 5: return set_number(bytes);
        default: return flip_bit(bytes);
    }
}

void Mutator::flip_bit(std::vector<std::byte>& bytes) {
    if (!bytes.empty())
        bytes[below(bytes.size())] ^= static_cast<std::byte>(1U << below(8));
}

/// One of 1, 2, 4 or 8 bytes that lies at an edge.
void Mutator::set_number(std::vector<std::byte>& bytes) {
    constexpr std::array edges{std::uint64_t{0}, std::uint64_t{1}, UINT64_MAX, UINT64_MAX >> 1,
                               UINT64_MAX - 1};
    const auto size = std::size_t{1} << below(4);
    if (bytes.size() < size)
        return;
    const auto at = below(bytes.size() - size + 1);
    const auto value = edges[below(edges.size())];
    for (std::size_t i = 0; i < size; ++i)
        bytes[at + i] = static_cast<std::byte>(value >> (8 * (size - 1 - i)));
}

void Mutator::remove_some(std::vector<std::byte>& bytes) {
    const auto at = below(bytes.size() + 1);
    const auto count = std::min<std::size_t>(below(kMostAtOnce), bytes.size() - at);
    bytes.erase(place(bytes, at), place(bytes, at + count));
}

void Mutator::double_some(std::vector<std::byte>& bytes) {
    const auto at = below(bytes.size() + 1);
    const auto count = std::min<std::size_t>(below(kMostAtOnce), bytes.size() - at);
    const std::vector<std::byte> some(place(bytes, at), place(bytes, at + count));
    bytes.insert(place(bytes, at), some.begin(), some.end());
}

void Mutator::insert_noise(std::vector<std::byte>& bytes) {
    const auto some = noise(below(kMostAtOnce));
    bytes.insert(place(bytes, below(bytes.size() + 1)), some.begin(), some.end());
}

}  // namespace pmemckpt::test
