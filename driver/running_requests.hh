#pragma once
// Requests that run now. Each looks at its principal's rights first, and then acts: so what a right allowed
// is over when those have ended that ran while it was withdrawn.
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <utility>

namespace pmemckpt::driver {

class RunningRequests {
public:
    /// One of them, while it lives.
    class One {
    public:
        One() = default;
        One(RunningRequests& all, std::uint64_t number) : all_(&all), number_(number) {}
        One(One&& other) noexcept : all_(std::exchange(other.all_, nullptr)), number_(other.number_) {}
        One& operator=(One&& other) noexcept {
            std::swap(all_, other.all_);
            std::swap(number_, other.number_);
            return *this;
        }
        ~One() {
            if (all_)
                all_->end(number_);
        }

    private:
        RunningRequests* all_ = nullptr;
        std::uint64_t number_ = 0;
    };

    One begin();
    /// Till all that run at this moment have ended; those that begin later are not waited for. Not within
    /// one.
    void wait_for_earlier();

private:
    void end(std::uint64_t number);
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t last_ = 0;
    std::set<std::uint64_t> running_;
};

}  // namespace pmemckpt::driver
