#include "driver/waiters.hh"

#include <cerrno>

namespace pmemckpt::driver {

Waiters::Id Waiters::add(Waiter waiter, std::optional<Deadlines::Clock::time_point> deadline) {
    return list_.add(
        {waiter.session_id, waiter.pool, waiter.region_id, waiter.after, std::move(waiter.answer)}, deadline,
        {ETIMEDOUT, "no new generation was sealed in that time"});
}

void Waiters::sealed(const pool::Pool& pool, const pool::GenerationInfo& generation) {
    list_.complete_if(
        [&](const List::Waiter& waiter) {
            return waiter.pool == &pool && waiter.region_id == generation.region_id &&
                   waiter.want < generation.number;
        },
        generation);
}

}  // namespace pmemckpt::driver
