#pragma once
// A pool's life with every kind of record in each of three uses of the journal's halves, remembered at each
// persist of its metadata: what hostile media are made from, and compared with.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/format/superblock.hh"
#include "tests/support/pool_images.hh"

namespace pmemckpt::pool {
class Catalog;
}

namespace pmemckpt::test {

/// All that a catalog says, as the records of its snapshot.
std::string tables_of(const pool::Catalog& catalog);

/// What a persist of metadata left.
struct Moment {
    Image metadata;                   ///< the medium up to its first page
    std::string state;                ///< digest()
    std::string tables;               ///< tables_of()
    std::uint64_t next_sequence = 1;  ///< of the journal
};

/// A medium as it was at one time, with its pages.
struct Base {
    std::string name;
    Image image;
    std::size_t moment = 0;  ///< the index of the moment that it is
};

struct History {
    std::vector<Moment> moments;
    std::vector<Base>
        bases;  ///< the ends of the three uses, and a cut between the two copies of a superblock
};

History live_through_three_halves();
/// What becomes of a copy that is served by itself: the same UUID, and another life.
History live_on_apart(const Base& base);

struct PlacedRecord {
    std::uint64_t at = 0, length = 0;  ///< bytes of the medium
    std::uint64_t sequence = 0;
};
/// The superblock that counts.
format::Superblock newest_superblock(const Image& image);
/// Those that follow on each other from the half's first byte on, whichever use of the half they are of.
std::vector<PlacedRecord> records_in_half(const Image& image, const format::Superblock& superblock,
                                          unsigned half);

}  // namespace pmemckpt::test
