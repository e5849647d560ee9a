// Messages between clients and a manager: headers, and bodies of all requests and answers.
//
// input: which type the body is of, by its place below; a whole message
#include "tests/fuzz/bodies.hh"

using namespace pmemckpt;
using namespace pmemckpt::wire;

namespace {

const std::vector<fuzz::BodyKind>& kinds() {
    static const auto all = fuzz::kinds_of<
        Hello, Challenge, Proof, Welcome, ErrorAnswer, CreateRegion, FindRegion, DestroyRegion, ListRegions,
        RegionList, Region, SetRetention, Clear, TakeOver, TakenOver, GrantRights, WithdrawRights, ListRights,
        RightsList, SetOwner, Grant, Watch, EventList, Begin, Begun, Seal, Generation, Abort, OpenGeneration,
        OpenedGeneration, CloseGeneration, ListGenerations, GenerationList, WaitGeneration, FindGeneration,
        BeginClone, Cloning, Dirty, Pin, OpenLog, LogGranted, GrowLog, FlushLog, CloseLog, ReadLog, LogOpened,
        WaitLog, LogState, FindLog, FindInLog, LogPlace, LogHint, CursorGet, Cursor, CursorAdvance,
        CursorDrop, CursorListRequest, CursorList, StatusRequest, PoolStatus, Goodbye, Empty>();
    return all;
}

void run(std::span<const std::byte> input) {
    fuzz::run_message(kinds(), input);
}
std::vector<fuzz::Seed> seeds() {
    return fuzz::message_seeds(kinds());
}
void mend(fuzz::Bytes& input, unsigned seed) {
    fuzz::mend_message(kinds(), input, seed);
}

}  // namespace

const fuzz::Target pmemckpt::fuzz::target{run, seeds, mend};
