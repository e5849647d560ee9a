#pragma once
// Cuts the power at every moment of a step, recovers each image that this may leave, and compares.
//
// Moments: before each persist, with all that was stored and not persisted in any state that it may have;
// after each persist; and when the step has returned. What may be left between two stores is among what may
// be left before the next persist: until then nothing that was possible becomes impossible.
//
// What is recovered must be the state before the step or the one after it, and once it has returned the one
// after it; of each log the records that somebody was told of, and of the others the first ones, as they were
// written. Each image is recovered twice: the same must come of it. And the power is cut in the first
// recovery: nobody was told anything by it, so what comes of that may again be the state before or the one
// after. Of some, what was recovered goes on working.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/crash/world.hh"

namespace pmemckpt::crash {

struct Limits {
    std::uint64_t images = 1024;             ///< at a moment; see for_each_image
    std::uint64_t images_in_recovery = 256;  ///< at a moment of a recovery
    std::uint64_t work_on_every = 16;        ///< of so many images one is worked on with
    std::size_t failures = 3;                ///< of a scenario; then it ends
};

struct Tally {
    std::uint64_t steps = 0;
    std::uint64_t refused = 0;  ///< of them: the pool did nothing, and said so
    std::uint64_t moments = 0;
    std::uint64_t drawn_moments = 0;  ///< of them: not every image was visited
    std::uint64_t images = 0;
    std::uint64_t recoveries = 0;
    Recorded recorded;
    std::set<std::uint16_t> kinds;  ///< of the journal records that the steps wrote
    std::vector<std::string> failures;

    void add(const Tally& other);
};

/// How a pool is opened: Pool::open, but for tests that want another one to be caught.
using Recovery = std::function<Result<std::unique_ptr<pool::Pool>>(std::unique_ptr<media::Medium>)>;

class Explorer {
public:
    Explorer(World& world, Limits limits, std::uint64_t seed, Recovery recovery = {});
    ~Explorer();
    Explorer(const Explorer&) = delete;
    Explorer& operator=(const Explorer&) = delete;

    /// Of a step that is two changes: the state between them, from the one before.
    using Between = std::function<State(State)>;
    /// A step may be run in the middle of another one, from `meanwhile`, where that one has not stored its
    /// journal record yet: till then the state is the one before it.
    /// A step that returns an error is counted as refused: whatever it did, the power is cut in it.
    void step(const std::string& name, const std::function<Status()>& run, const Between& between = {});

    /// Either superblock is lost: the other one leads to the same state.
    void lose_a_superblock();

    /// Called at each persist of a step, before its effect; not within itself.
    std::function<void(Extent)> meanwhile;

    const Tally& tally() const { return tally_; }

private:
    using Reported = std::map<std::uint64_t, std::size_t>;
    struct Seen {
        State state;
        Reported reported;  ///< of each log, when the power was cut
        auto operator<=>(const Seen&) const = default;
    };
    struct Frame {
        std::string name;
        State before;
        std::map<Seen, std::uint64_t> seen;  ///< and how often
    };

    void before_persist(Extent extent);
    void note_kind(Extent extent);
    void cut_here();
    void judge(Frame& frame, const std::vector<State>& allowed);
    std::string complaint(const Seen& seen, const std::vector<State>& allowed) const;
    std::string complaint_of_log(std::uint64_t id, const std::vector<Payload>& found,
                                 std::size_t reported) const;
    State live();
    Reported reported() const;

    std::set<State> recover();
    State recover_once();
    State open(LineMedium& medium);
    std::string work_on(LineMedium& medium, const State& recovered);

    World& world_;
    const Limits limits_;
    std::mt19937_64 generator_;
    const Recovery recovery_;
    std::vector<Frame> frames_;
    bool in_meanwhile_ = false;
    Tally tally_;
};

}  // namespace pmemckpt::crash
