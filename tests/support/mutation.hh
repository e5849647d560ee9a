#pragma once
// Bytes as somebody sends them who means no good: a few changes to what was valid.
#include <cstddef>
#include <random>
#include <vector>

namespace pmemckpt::test {

/// Draws from a generator of its own, so that each thread may have one.
class Mutator {
public:
    explicit Mutator(std::uint64_t seed) : generator_(seed) {}

    std::uint64_t below(std::uint64_t limit) { return limit == 0 ? 0 : generator_() % limit; }
    bool one_in(std::uint64_t count) { return below(count) == 0; }
    std::vector<std::byte> noise(std::size_t count);
    /// One to four changes; it may be the same again.
    void mutate(std::vector<std::byte>& bytes);

private:
    void change_once(std::vector<std::byte>& bytes);
    void flip_bit(std::vector<std::byte>& bytes);
    void set_number(std::vector<std::byte>& bytes);
    void remove_some(std::vector<std::byte>& bytes);
    void double_some(std::vector<std::byte>& bytes);
    void insert_noise(std::vector<std::byte>& bytes);

    std::mt19937_64 generator_;
};

}  // namespace pmemckpt::test
