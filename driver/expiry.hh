#pragma once
// Retention by age: now and then, what only its age kept is dropped.
#include <mutex>

#include "driver/services.hh"

namespace pmemckpt::driver {

/// Every limits.expiry_ms, on a worker.
class Expiry {
public:
    explicit Expiry(Services& services) : services_(services) { later(); }
    /// What runs may run on; nothing begins any more.
    void stop();

private:
    void later();
    void run();
    void expire(const ServedPool& served);

    Services& services_;
    std::mutex mutex_;
    bool stopped_ = false;
};

}  // namespace pmemckpt::driver
