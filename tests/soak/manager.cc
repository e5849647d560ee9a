#include "tests/soak/manager.hh"

#include <signal.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "tests/soak/failure.hh"

namespace soak {

namespace {

constexpr int kStartLimit = 60;
constexpr int kStopLimit = 60;
constexpr int kDoesNotVerify = 7;  // exit status
constexpr std::chrono::milliseconds kLookForStart{2};

}  // namespace

void Manager::make_pool(const std::string& size, const std::string& page_size) {
    site_.run({"pmemckpt-ctl", "create-key", "soak"});
    site_.run(
        {"pmemckpt-ctl", "create-pool", site_.pool().string(), "--size", size, "--page-size", page_size});
}

void Manager::start() {
    const auto addresses = site_.directory / "addresses";
    fs::remove(addresses);
    child_ = site_.start(
        "manager",
        {"pmemckptd", "--pool", site_.pool().string(), "--listen", site_.server(), "--admin-socket",
         (site_.directory / "admin.sock").string(), "--address-file", addresses.string()},
        false);
    ++counts_.starts;
    const auto end = Clock::now() + site_.limit(kStartLimit);
    std::error_code none_yet;
    while (!fs::exists(addresses) || fs::file_size(addresses, none_yet) == 0) {
        look();
        if (Clock::now() > end)
            fail("the manager does not serve {} s after its start", site_.limit(kStartLimit).count());
        std::this_thread::sleep_for(kLookForStart);
    }
}

void Manager::kill() {
    look();
    child_->kill();
    child_.reset();
    ++counts_.manager_kills;
}

void Manager::stop() {
    child_->signal(SIGTERM);
    const int status = child_->wait(site_.limit(kStopLimit));
    child_.reset();
    if (!exited_with(status, 0))
        fail("the manager, told to end, has {}", end_text(status));
}

void Manager::look() {
    if (const auto status = child_->ended())
        fail("the manager has ended by itself: {}", end_text(*status));
}

void Manager::check_pool() {
    ++counts_.checks;
    const auto text = site_.run({"pmemckpt-ctl", "check", site_.pool().string(), "--json"}, kDoesNotVerify);
    const auto found =
        nlohmann::json::parse(text.substr(text.find('{'), text.rfind('}') + 1 - text.find('{')));
    for (const auto& finding : found.at("findings"))
        if (finding.at("severity") != "cut")
            fail("pmemckpt-ctl check: {}", finding.dump());
}

}  // namespace soak
