#include "lib/base/crc32c.hh"

#include <isa-l/crc.h>

#include <algorithm>
#include <array>

namespace pmemckpt {

namespace {

// A CRC is linear over GF(2): appending one zero bit is a 32x32 matrix, n zero bytes its power.
using Matrix = std::array<std::uint32_t, 32>;

std::uint32_t apply(const Matrix& matrix, std::uint32_t vector) {
    std::uint32_t sum = 0;
    for (std::size_t bit = 0; vector != 0; ++bit, vector >>= 1)
        if (vector & 1)
            sum ^= matrix[bit];
    return sum;
}

Matrix square(const Matrix& matrix) {
    Matrix result{};
    for (std::size_t bit = 0; bit < 32; ++bit)
        result[bit] = apply(matrix, matrix[bit]);
    return result;
}

Matrix one_zero_byte() {
    Matrix bit_step{0x82f63b78};
    for (std::size_t bit = 1; bit < 32; ++bit)
        bit_step[bit] = 1U << (bit - 1);
    return square(square(square(bit_step)));
}

}  // namespace

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) {
    // ISA-L takes an int: larger ranges go in pieces.
    constexpr std::size_t kPiece = std::size_t{1} << 30;
    std::uint32_t state = ~before;
    while (!bytes.empty()) {
        const auto piece = bytes.first(std::min(kPiece, bytes.size()));
        // crc32_iscsi reads only; its parameter lacks the const.
        auto* data = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(piece.data()));
        state = crc32_iscsi(data, static_cast<int>(piece.size()), state);
        bytes = bytes.subspan(piece.size());
    }
    return ~state;
}

std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes) {
    Matrix step = one_zero_byte();
    for (; second_bytes != 0; second_bytes >>= 1, step = square(step))
        if (second_bytes & 1)
            first = apply(step, first);
    return first ^ second;
}

}  // namespace pmemckpt
