#pragma once
// The scrub: the checksums of all that is kept are verified in the background, again and again, within a set
// bandwidth. See pmemckptd.8, SCRUB.
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "driver/scrub_findings.hh"
#include "driver/scrub_pass.hh"
#include "driver/services.hh"

namespace pmemckpt::driver {

struct ScrubCounts {
    std::uint64_t generations = 0;  ///< read to their end
    std::uint64_t bytes = 0;        ///< read
    std::uint64_t damaged = 0;      ///< among the generations, and those that could not be read

    ScrubCounts& operator+=(const ScrubCounts& more);
};

struct ScrubPassStatus {
    ScrubCounts counts;
    std::uint64_t kept_bytes = 0;  ///< of all that was kept when the pass began
    std::int64_t began_ns = 0;     ///< wall clock
    std::int64_t ended_ns = 0;     ///< 0: it has not ended
};

struct ScrubStatus {
    ScrubSettings settings;
    std::uint64_t passes = 0;             ///< that have ended
    ScrubCounts counts;                   ///< since the start, the present pass included
    std::optional<ScrubPassStatus> last;  ///< that has ended
    std::optional<ScrubPassStatus> pass;  ///< the present one; it stands still while the scrub is off
    std::optional<unsigned> next_pass_s;  ///< seconds to the next one, while it rests
    std::vector<ScrubFinding> findings;   ///< of generations that are still kept
    std::uint64_t further_findings = 0;   ///< as far as the last pass has counted them
};

/// A piece is a job of a worker, and ends with a call set for the next one. CLOCK_MONOTONIC paces; the wall
/// clock is only shown.
/// Threads: all calls may come from any thread.
class Scrub {
public:
    using Clock = Deadlines::Clock;
    Scrub(Services& services, const ScrubSettings& settings) : services_(services), settings_(settings) {}

    /// The first pass begins. Once.
    void start();
    /// A piece that is being read is read to its end; nothing begins any more.
    void stop();
    /// From the next piece on. A pass goes on where it is, also when it was off meanwhile.
    void configure(const ScrubSettings& settings);
    ScrubStatus status();

private:
    enum class Life { made, started, stopped };

    void call_next();
    Clock::time_point due() const;
    void run(std::uint64_t call);
    std::optional<std::uint64_t> begin_piece(std::uint64_t call);
    void begin_pass();
    void take(const ScrubVerdict& verdict);
    void tell(const ScrubVerdict& verdict, bool fresh, bool healed) const;
    void end_piece(const ScrubStep& step);
    void end_pass();
    void tell_pass();

    Services& services_;
    std::unique_ptr<ScrubPass> reader_;  ///< of the job alone: there is one at a time

    std::mutex mutex_;
    Life life_ = Life::made;
    ScrubSettings settings_;
    bool reads_ = false;       ///< a job has the reader
    std::uint64_t calls_ = 0;  ///< the last one that was set; an older one that comes late does nothing
    Deadlines::Id deadline_ = 0;
    Clock::time_point piece_began_, pass_ended_;
    std::uint64_t piece_bytes_ = 0;
    std::uint64_t passes_ = 0;
    ScrubCounts counts_;
    std::optional<ScrubPassStatus> last_, pass_;
    ScrubFindings findings_;
};

}  // namespace pmemckpt::driver
