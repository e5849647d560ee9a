#pragma once
// What a Terminate names: layer, type and code of RFC 5040, 5041 and 5044.
#include "tests/support/hostile_peer.hh"

namespace pmemckpt::hostile::rule {

using test::Named;

inline constexpr Named kSourceStag{0, 1, 0}, kSourceBounds{0, 1, 1}, kAccess{0, 1, 2}, kSourceWrap{0, 1, 4},
    kInvalidation{0, 1, 9};
inline constexpr Named kRdmapVersion{0, 2, 5}, kOpcode{0, 2, 6}, kOperation{0, 2, 0xff};
inline constexpr Named kStag{1, 1, 0}, kBounds{1, 1, 1}, kWrap{1, 1, 3}, kTaggedVersion{1, 1, 4};
inline constexpr Named kQueue{1, 2, 1}, kNoBuffer{1, 2, 2}, kMessageNumber{1, 2, 3}, kMessageOffset{1, 2, 4},
    kMessageTooLong{1, 2, 5}, kUntaggedVersion{1, 2, 6};
inline constexpr Named kCrc{2, 0, 2}, kFraming{2, 0, 3};

}  // namespace pmemckpt::hostile::rule
