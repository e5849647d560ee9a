// A gibibyte of changes to served files is rolled back, with little memory.
// time-limit: 400
#include <sys/resource.h>

#include <numeric>

#include "tests/unit/filed_house.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;

namespace {

constexpr std::uint64_t kFiles = 4, kFileBytes = 256 * kMiB, kPieces = kFileBytes / kMiB;
constexpr std::int64_t kMostKiB = 300 * 1024;  // the process has 16 MiB and its buffers

using Piece = std::vector<std::uint64_t>;

/// Different for each file, piece and generation, and cheap.
const Piece& piece_of(std::uint64_t file, std::uint64_t piece, std::uint64_t generation) {
    static Piece words(kMiB / sizeof(std::uint64_t));
    std::uint64_t word = (generation * kFiles + file) * kPieces + piece + 1;
    for (auto& one : words)
        one = word = word * 6364136223846793005U + 1442695040888963407U;
    return words;
}

void write_piece(House& house, std::uint32_t handle, std::uint64_t file, std::uint64_t piece,
                 std::uint64_t generation) {
    house.seek(handle, static_cast<std::int64_t>(piece * kMiB));
    const auto bytes = std::as_bytes(std::span(piece_of(file, piece, generation)));
    equal(ok(house.files->write(kSession, handle, bytes)).bytes, bytes.size());
}

void check_piece(House& house, std::uint32_t handle, std::uint64_t file, std::uint64_t piece) {
    Piece read(kMiB / sizeof(std::uint64_t));
    house.seek(handle, static_cast<std::int64_t>(piece * kMiB));
    equal(ok(house.files->read(kSession, handle, std::as_writable_bytes(std::span(read)))).bytes, kMiB);
    if (read != piece_of(file, piece, 0))
        fail_at(Place::current(), fmt::format("piece {} of file {} is not what it was", piece, file));
}

void a_gibibyte_of_changes_is_rolled_back() {
    House house;
    std::vector<std::uint32_t> handles;
    for (std::uint64_t file = 0; file < kFiles; ++file) {
        handles.push_back(house.open(fmt::format("file {}", file)));
        for (std::uint64_t piece = 0; piece < kPieces; ++piece)
            write_piece(house, handles[file], file, piece, 0);
    }
    ok(house.try_to_save(1));
    // All of it, in any order; a quarter of one is cut off first, and one grows.
    ok(house.files->truncate(kSession, handles[1], kFileBytes * 3 / 4));
    std::vector<std::uint64_t> places(kFiles * kPieces);
    std::iota(places.begin(), places.end(), std::uint64_t{0});
    std::ranges::shuffle(places, generator());
    for (const auto place : places)
        write_piece(house, handles[place % kFiles], place % kFiles, place / kFiles, 1);
    for (std::uint64_t piece = kPieces; piece < kPieces + 16; ++piece)
        write_piece(house, handles[2], 2, piece, 1);
    ok(house.restore(1));
    for (std::uint64_t file = 0; file < kFiles; ++file) {
        equal(ok(house.files->size_of(kSession, handles[file])), kFileBytes);
        for (std::uint64_t piece = 0; piece < kPieces; ++piece)
            check_piece(house, handles[file], file, piece);
    }
    rusage usage{};
    CHECK(::getrusage(RUSAGE_SELF, &usage) == 0);
    fmt::print("{} MiB of memory at most\n", usage.ru_maxrss / 1024);
    CHECK(sanitized() || usage.ru_maxrss < kMostKiB);
}

}  // namespace

int main() {
    return run("filed_large",
               {{"a gibibyte of changes is rolled back", a_gibibyte_of_changes_is_rolled_back}});
}
