#pragma once
// Between the look-up of /<region> and its open, a seal may drop the generation that was looked up: open
// answers ESTALE, and the kernel looks up once more. That second look-up opens the newest generation at once
// and keeps it here for the open that follows, which so can't lose again, however fast generations come and
// go.
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "fuse/source.hh"

namespace pmemckpt::view {

inline constexpr std::size_t kMaximumRaces = 64;               ///< regions remembered; then the oldest goes
inline constexpr std::chrono::milliseconds kRaceMemory{1000};  ///< how long the open may take to come back

class Races {
public:
    /// An open lost: its generation was gone.
    void lost(const std::string& region);
    /// Did one lose, a moment ago?
    bool is_lost(const std::string& region);
    void keep(const std::string& region, std::shared_ptr<Content> content);
    /// What was kept, if it is this generation; nullptr.
    std::shared_ptr<Content> take(const std::string& region, std::uint64_t region_id, std::uint64_t number);

private:
    using Clock = std::chrono::steady_clock;
    struct Race {
        Clock::time_point at;
        std::shared_ptr<Content> content;  // nullptr before the second look-up
    };
    using Map = std::map<std::string, Race>;
    /// Moves what is too old, or too much, out: contents are closed with no lock held.
    std::map<std::string, Race> expired();

    std::atomic<bool> any_{false};  // nothing is locked as long as nobody lost
    std::mutex mutex_;              // guards races_
    Map races_;
};

}  // namespace pmemckpt::view
