#include "tests/support/transport.hh"

#include <cstdlib>

#include "lib/rdma/verbs/engine.hh"

namespace pmemckpt::test {

namespace {

std::string variable(const char* name, const char* otherwise) {
    const char* const chosen = std::getenv(name);
    return chosen && *chosen ? chosen : otherwise;
}

}  // namespace

std::string transport() {
    return variable("TEST_TRANSPORT", "iwarp");
}

std::string host() {
    return variable("TEST_HOST", "127.0.0.1");
}

unsigned time_limit_factor() {
    const int factor = std::atoi(variable("TIME_LIMIT_FACTOR", "1").c_str());
    return factor < 1 ? 1 : static_cast<unsigned>(factor);
}

bool over_device() {
    return transport() == "verbs";
}

bool over_siw() {
    if (!over_device())
        return false;
    const auto devices = rdma::verbs::devices();
    return !devices.empty() && devices.front().name.starts_with("siw");
}

}  // namespace pmemckpt::test
