#include "utils/pmemckpt-ctl/interrupt.hh"

#include <cerrno>

namespace pmemckpt::ctl {

namespace {

volatile sig_atomic_t noted = 0;

void note(int number) {
    noted = number;
}

}  // namespace

Interrupt::Interrupt() {
    struct sigaction action {};
    action.sa_handler = note;
    action.sa_flags = SA_RESETHAND;
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
        ::sigaction(kSignals[i], nullptr, &before_[i]);
        if (before_[i].sa_handler != SIG_IGN)  // as nohup has it
            ::sigaction(kSignals[i], &action, nullptr);
    }
}

Interrupt::~Interrupt() {
    for (std::size_t i = 0; i < kSignals.size(); ++i)
        ::sigaction(kSignals[i], &before_[i], nullptr);
    if (noted != 0)
        ::raise(noted);
}

Status Interrupt::check() const {
    return noted == 0 ? Status() : fail_errno(EINTR, "ended by signal {}", static_cast<int>(noted));
}

}  // namespace pmemckpt::ctl
