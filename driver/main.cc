// pmemckptd: the manager. It opens its pools and proves their keys, listens, and serves sessions until it is
// told to stop. See pmemckptd.8.
#include "driver/main_loop.hh"
#include "lib/base/exit_status.hh"
#include "lib/base/log.hh"

int main(int argc, char** argv) {
    const auto served = pmemckpt::driver::run(argc, argv);
    if (served)
        return pmemckpt::kExitSuccess;
    pmemckpt::log::error("{}", served.error().message);
    return pmemckpt::exit_status(served.error().code);
}
