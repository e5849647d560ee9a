// Confinement, in child processes: it is for good. What a confined process tries is refused, or is its end;
// what it needs works.
#include <fcntl.h>
#include <linux/capability.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <future>
#include <thread>

#include "lib/base/handle.hh"
#include "lib/confine/capabilities.hh"
#include "lib/confine/filter.hh"
#include "lib/confine/hardening.hh"
#include "lib/confine/identity.hh"
#include "tests/support/check.hh"

using namespace pmemckpt;
using confine::Mode;

namespace {

std::string said_path() {
    return (test::directory() / "said").string();
}

/// What processes said on stderr.
std::string said() {
    std::ifstream file(said_path());
    return {std::istreambuf_iterator<char>(file), {}};
}

/// The wait(2) status of a process that does this; a failed check is exit status 1.
int status_of(const std::function<void()>& body) {
    const pid_t child = ::fork();
    if (child == 0) {
        const int file = ::open(said_path().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        ::dup2(file, STDERR_FILENO);
        try {
            body();
        } catch (const std::exception& error) {
            ::dprintf(STDERR_FILENO, "%s\n", error.what());
            ::_exit(1);
        }
        ::_exit(0);
    }
    int status = -1;
    CHECK(::waitpid(child, &status, 0) == child);
    return status;
}

void in_child(const std::function<void()>& body, const test::Place& place = test::Place::current()) {
    if (const int status = status_of(body); status != 0)
        test::fail_at(place, fmt::format("wait status {:#x}: {}", status, said()));
}

void confine_as_manager(Mode mode = Mode::on) {
    test::ok(confine::harden());
    test::ok(confine::drop_capabilities());
    test::ok(test::ok(confine::Filter::make(confine::calls_of_manager(), mode)).enter());
}

void need_a_filter() {
    if (confine::sanitized() || test::under_valgrind())
        test::skip("a sanitizer, or valgrind, needs calls that a filter refuses");
}
void need_root() {
    if (::geteuid() != 0)
        test::skip("it takes root to give up what root has");
}

void status_is_read_as_proc_has_it() {
    const std::string text =
        "Name:\tx\nUid:\t1\t22\t3\t4\nGid:\t5\t66\t7\t8\nGroups:\t4 24 1000 \nCapInh:\t0000000000000001\n"
        "CapPrm:\t0000000000000002\nCapEff:\t0000000000000004\nCapBnd:\t000001ffffffffff\n"
        "CapAmb:\t0000000000000008\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n";
    const auto read = test::ok(confine::parse_status(text));
    test::equal(read.uid, 22U);
    test::equal(read.gid, 66U);
    CHECK(read.groups == std::vector<gid_t>{4, 24, 1000});
    CHECK(read.inheritable == 1 && read.permitted == 2 && read.effective == 4 && read.ambient == 8);
    test::equal(read.bounding, 0x1ffffffffffULL);
    CHECK(read.no_new_privileges && read.filtered);
    test::error(confine::parse_status("Uid:\t1\t2\t3\t4\n"), EPROTO);
    test::error(confine::parse_status(text.substr(0, text.find("Seccomp"))), EPROTO);
    const auto names = confine::names_of(1ULL << CAP_SYS_ADMIN | 1ULL << CAP_CHOWN | 1ULL << 50);
    CHECK(names == std::vector<std::string>{"CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_50"});
}

void every_thread_gives_up_its_capabilities() {
    need_root();
    in_child([] {
        std::promise<void> end;
        const auto ended = end.get_future().share();
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([ended] { ended.wait(); });
        CHECK(test::ok(confine::read_privileges()).effective != 0);
        test::ok(confine::harden());
        test::ok(confine::drop_capabilities());
        const auto all = test::ok(confine::read_privileges());
        CHECK((all.effective | all.permitted | all.inheritable | all.ambient) == 0);
        test::equal(test::ok(confine::list_threads()).size(), 5U);
        CHECK(::chroot("/") != 0 && errno == EPERM);
        end.set_value();
        for (auto& thread : threads)
            thread.join();
    });
}

// A thread that is found without any may have been told twice.
void a_signal_to_give_them_up_may_come_late() {
    need_root();
    need_a_filter();
    in_child([] {
        confine_as_manager();
        CHECK(::raise(SIGRTMAX - 1) == 0);
        const auto all = test::ok(confine::read_privileges());
        CHECK((all.effective | all.permitted) == 0);
    });
}

void nothing_that_is_executed_gets_rights() {
    in_child([] {
        test::ok(confine::harden());
        const auto read = test::ok(confine::privileges_of(::getpid()));
        CHECK(read.no_new_privileges);
        CHECK(::geteuid() != 0 || read.bounding == 0);
        rlimit limit{};
        CHECK(::getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0);
        CHECK(confine::sanitized() || ::prctl(PR_GET_DUMPABLE) == 0);
    });
}

void an_identity_is_for_good() {
    need_root();
    in_child([] {
        const auto nobody = test::ok(confine::find_user("nobody"));
        test::ok(confine::become(nobody));
        const auto read = test::ok(confine::read_privileges());
        CHECK(read.uid == nobody.uid && read.gid == nobody.gid && read.groups == nobody.groups);
        CHECK((read.permitted | read.effective) == 0);
        CHECK(::seteuid(0) != 0 && ::setgid(0) != 0);
        CHECK(::open("/etc/passwd", O_WRONLY) < 0 && errno == EACCES);
        CHECK(::open("/etc/pmemckpt-test", O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES);
        test::ok(confine::become(nobody));  // he is it already
        test::contains(test::error(confine::become({"root", 0, 0, {}}), EPERM), "User=");
    });
    test::contains(test::error(confine::find_user("no-such-user"), ENOENT), "useradd");
    test::contains(test::error(confine::find_group("no-such-group"), ENOENT), "groupadd");
}

struct Deadly {
    const char* name;
    std::function<void()> call;
};

const std::vector<Deadly>& deadly() {
    static const std::vector<Deadly> calls = {
        {"execve", [] { ::execl("/bin/true", "true", nullptr); }},
        {"ptrace", [] { ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }},
        {"mount", [] { ::mount("none", "/mnt", "tmpfs", 0, nullptr); }},
        {"umount2", [] { ::umount2("/mnt", MNT_DETACH); }},
        {"unshare", [] { ::unshare(CLONE_NEWUSER); }},
        {"bpf", [] { ::syscall(SYS_bpf, 0, nullptr, 0); }},
        {"io_uring_setup", [] { ::syscall(SYS_io_uring_setup, 8, nullptr); }},
        {"process_vm_readv", [] { ::syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0); }},
        {"setresuid", [] { ::syscall(SYS_setresuid, 0, 0, 0); }},
        {"keyctl", [] { ::syscall(SYS_keyctl, 0, 0); }},
    };
    return calls;
}

void calls_of_an_intruder_end_the_process() {
    need_a_filter();
    for (const auto& one : deadly()) {
        const int status = status_of([&] {
            confine_as_manager();
            one.call();
        });
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
            test::fail_at(test::Place::current(), fmt::format("{}: wait status {:#x}", one.name, status));
    }
}

bool is_refused(long result) {
    return result == -1 && errno == EPERM;
}
bool is_refused(const void* memory) {
    return memory == MAP_FAILED && errno == EPERM;
}

void other_calls_are_refused_and_told() {
    need_a_filter();
    const auto file = (test::directory() / "file").string();
    std::ofstream(file) << "content";
    in_child([&] {
        auto* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        confine_as_manager();
        CHECK(is_refused(::socket(AF_PACKET, SOCK_RAW, 0)));
        CHECK(is_refused(::socket(AF_ALG, SOCK_SEQPACKET, 0)));
        CHECK(is_refused(::mprotect(page, 4096, PROT_READ | PROT_EXEC)));
        const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
        CHECK(is_refused(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, anonymous, -1, 0)));
        CHECK(is_refused(::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, anonymous, -1, 0)));
        CHECK(is_refused(::kill(::getppid(), 0)));
        CHECK(is_refused(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr)));
        CHECK(is_refused(::chmod(file.c_str(), 0777)));
        CHECK(is_refused(::rename(file.c_str(), (file + ".new").c_str())));
        CHECK(is_refused(::ioctl(STDIN_FILENO, TIOCSTI, "x")));
        CHECK(is_refused(::prctl(PR_SET_DUMPABLE, 1)));
        CHECK(is_refused(::fcntl(STDIN_FILENO, F_SETOWN, ::getppid())));  // who gets its SIGIO
        CHECK(is_refused(::fcntl(STDIN_FILENO, F_SETSIG, SIGKILL)));
        CHECK(is_refused(::fcntl(STDIN_FILENO, F_NOTIFY, DN_ACCESS)));
        const rlimit none{0, 0};
        CHECK(is_refused(::setrlimit(RLIMIT_NOFILE, &none)));
        CHECK(is_refused(::chmod(file.c_str(), 0777)));
    });
    const auto lines = said();
    for (const char* call :
         {"socket (41)", "mprotect", "mmap", "kill", "clone", "chmod", "rename", "ioctl", "prctl", "fcntl"})
        test::contains(lines, fmt::format("system call {}", call));
    const auto first = lines.find(" chmod (");
    CHECK(lines.find(" chmod (", first + 1) == std::string::npos);
    test::contains(lines, "--confine log");
}

void what_is_needed_works() {
    need_a_filter();
    in_child([] {
        confine_as_manager();
        const auto path = (test::directory() / "made").string();
        std::ofstream(path) << "content";
        std::string content;
        std::ifstream(path) >> content;
        test::equal(content, "content");
        for (const int family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK})
            CHECK(::socket(family, family == AF_NETLINK ? SOCK_RAW : SOCK_STREAM, 0) >= 0);
        std::atomic<int> sum = 0;
        std::vector<std::thread> threads;
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&sum] { ++sum; });
        for (auto& thread : threads)
            thread.join();
        test::equal(sum.load(), 8);
        test::contains(test::error(Status(fail_errno(ENOENT, "x")), ENOENT), "No such file");
        CHECK(::kill(::getpid(), 0) == 0);
    });
    test::equal(said(), "");
}

void threads_of_before_are_filtered_too() {
    need_a_filter();
    in_child([] {
        std::promise<void> confined;
        std::promise<bool> refused;
        std::thread thread([&] {
            confined.get_future().wait();
            refused.set_value(is_refused(::socket(AF_PACKET, SOCK_RAW, 0)));
        });
        confine_as_manager();
        confined.set_value();
        CHECK(refused.get_future().get());
        thread.join();
        const auto all = test::ok(confine::read_privileges());
        CHECK(all.filtered && all.no_new_privileges && !confine::refusals_are_only_told());
    });
}

void log_names_what_would_be_refused() {
    need_a_filter();
    const auto file = (test::directory() / "file").string();
    std::ofstream(file) << "content";
    in_child([&] {
        confine_as_manager(Mode::log);
        CHECK(::chmod(file.c_str(), 0640) == 0);
        CHECK(::umount2("/no/such/place", MNT_DETACH) != 0);
        CHECK(test::ok(confine::read_privileges()).filtered && confine::refusals_are_only_told());
    });
    struct stat attributes {};
    CHECK(::stat(file.c_str(), &attributes) == 0);
    test::equal(attributes.st_mode & 07777, 0640U);
    test::contains(said(), "system call chmod (90) is let through");
    test::contains(said(), "system call umount2");
}

void off_is_off() {
    in_child([] {
        test::ok(test::ok(confine::Filter::make(confine::calls_of_manager(), Mode::off)).enter());
        CHECK(!test::ok(confine::privileges_of(::getpid())).filtered || test::under_valgrind());
    });
    test::equal(std::string(confine::to_string(test::ok(confine::parse_mode("log")))), "log");
    test::contains(test::error(confine::parse_mode("maybe"), EINVAL), "on, off or log");
}

}  // namespace

int main() {
    return test::run("confine",
                     {{"status is read as proc has it", status_is_read_as_proc_has_it},
                      {"every thread gives up its capabilities", every_thread_gives_up_its_capabilities},
                      {"a signal to give them up may come late", a_signal_to_give_them_up_may_come_late},
                      {"nothing that is executed gets rights", nothing_that_is_executed_gets_rights},
                      {"an identity is for good", an_identity_is_for_good},
                      {"calls of an intruder end the process", calls_of_an_intruder_end_the_process},
                      {"other calls are refused and told", other_calls_are_refused_and_told},
                      {"what is needed works", what_is_needed_works},
                      {"threads of before are filtered, too", threads_of_before_are_filtered_too},
                      {"log names what would be refused", log_names_what_would_be_refused},
                      {"off is off", off_is_off}});
}
