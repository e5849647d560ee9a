#pragma once
// Where a file differs from a generation, byte by byte: what save --clone has to send.
#include <vector>

#include "lib/base/units.hh"
#include "lib/client/client.hh"
#include "utils/pmemckpt-ctl/input.hh"

namespace pmemckpt::ctl {

struct Differences {
    std::vector<Extent> ranges;  ///< in order, apart from each other
    std::uint32_t crc32c = 0;    ///< of the whole input, as it was then
};

/// Reads all of both; what lies beyond the generation's end is compared with zeros. Where differences are
/// many, ranges that lie close together are joined.
Result<Differences> find_differences(client::Reader& generation, Input& input);

/// For find_differences, on its own for its test: at most `most` ranges, those with the smallest gaps joined.
void join_close(std::vector<Extent>& ranges, std::size_t most);

}  // namespace pmemckpt::ctl
