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

bool is_over_an_iwarp_device() {
    const auto devices = transport() == "verbs" ? rdma::verbs::devices() : std::vector<rdma::verbs::Device>{};
    return !devices.empty() && devices.front().iwarp;
}

}  // namespace pmemckpt::test
