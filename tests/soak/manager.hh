#pragma once
// The manager of a world, which is killed and started again on the same pool and port.
#include "tests/soak/counts.hh"
#include "tests/soak/site.hh"

namespace soak {

class Manager {
public:
    Manager(const Site& site, Counts& counts) : site_(site), counts_(counts) {}

    void make_pool(const std::string& size, const std::string& page_size);
    /// It serves when this returns.
    void start();
    void kill();
    /// In an orderly way.
    void stop();
    bool is_alive() const { return child_ != nullptr; }
    /// Throws Failure when it has ended by itself.
    void look();
    /// While there is none: pmemckpt-ctl check. Throws Failure when there is damage.
    void check_pool();

private:
    const Site& site_;
    Counts& counts_;
    std::unique_ptr<Child> child_;
};

}  // namespace soak
