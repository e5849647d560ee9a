#pragma once
// The mount helper of a world, and its mount point.
#include "tests/soak/counts.hh"
#include "tests/soak/site.hh"

namespace soak {

class Mount {
public:
    Mount(const Site& site, Counts& counts) : site_(site), counts_(counts) {}
    ~Mount();

    static bool is_possible();
    void start();
    /// The helper is killed; whoever looks then is told ENOTCONN; it is unmounted.
    void kill();
    /// It is unmounted, and the helper ends by itself.
    void stop();
    bool is_alive() const { return child_ != nullptr; }
    /// Throws Failure when it has ended by itself.
    void look();

private:
    bool is_mounted() const;
    void unmount();

    const Site& site_;
    Counts& counts_;
    std::unique_ptr<Child> child_;
};

}  // namespace soak
