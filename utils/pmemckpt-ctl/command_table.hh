#pragma once
namespace pmemckpt::ctl {

/// Does what argv says; prints what went wrong, in one line. Returns the exit status.
int run(int argc, char** argv);

}  // namespace pmemckpt::ctl
