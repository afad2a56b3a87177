-- What kept the rovers from sending, and for how many sols in all?
select
    reason,
    count(distinct rover) as rovers,
    count(*) as pauses,
    sum(last_sol - first_sol + 1) as sols
from silver.expected_gaps
group by reason
order by sols desc;

-- When was Mars behind the Sun? (Solar conjunctions, in Earth's days)
select
    rovers.title,
    date_trunc(
        'day', rovers.first_midnight_utc + to_seconds((pauses.first_sol - rovers.first_sol) * 88775.244)
    ) as first_day,
    pauses.last_sol - pauses.first_sol + 1 as sols
from silver.expected_gaps as pauses
inner join silver.dim_rovers as rovers on pauses.rover = rovers.rover
where pauses.reason = 'solar conjunction'
order by first_day, rovers.title;

-- Which pause does a sol fall into? (Spirit's flash memory failed on sol 18.)
select
    rover,
    first_sol,
    last_sol,
    reason,
    source
from silver.expected_gaps
where rover = 'spirit' and 20 between first_sol and last_sol;

-- How many sols of the mission was each rover silent for a reason that is known?
with missions as (
    select
        rover,
        max(max_sol) as newest_sol
    from silver.manifest_sols
    group by rover
)

select
    missions.rover,
    missions.newest_sol,
    sum(pauses.last_sol - pauses.first_sol + 1) as silent_sols
from missions
inner join silver.expected_gaps as pauses on missions.rover = pauses.rover
group by missions.rover, missions.newest_sol
order by silent_sols desc;

-- Photos that were promised although a report says that nothing was to come
select
    pauses.rover,
    pauses.first_sol,
    pauses.last_sol,
    pauses.reason,
    sum(promised.photos_promised) as photos_promised
from silver.expected_gaps as pauses
inner join silver.manifest_sols as promised
    on pauses.rover = promised.rover and promised.sol between pauses.first_sol and pauses.last_sol
where promised.photos_promised > 0
group by all
order by photos_promised desc;
