{#
    Sols on which a rover that takes no photos, or sends none, does nothing unusual.

    * Around a solar conjunction of Mars nothing is commanded for two to three weeks. Curiosity's longest pause (2013, sols 236 to
      261) began 13 days before the conjunction and ended 13 days after it.
    * Safe modes, resets and changes of flight software, as NASA's mission pages told of them. The sols are those that the manifests
      of 2023 and 2024 have no photos of.
#}
with conjunctions as (
    select cast(listed.day as date) as conjunction
    from (
        values
        ('2004-09-15'),
        ('2006-10-23'),
        ('2008-12-05'),
        ('2011-02-04'),
        ('2013-04-18'),
        ('2015-06-14'),
        ('2017-07-27'),
        ('2019-09-02'),
        ('2021-10-08'),
        ('2023-11-18'),
        ('2026-01-09'),
        ('2028-03-21')
    ) as listed (day)
),

pauses as (
    select
        listed.rover,
        listed.first_sol,
        listed.last_sol,
        listed.reason
    from (
        values
        ('curiosity', 201, 214, 'safe mode: flash memory of computer A'),
        ('curiosity', 217, 221, 'safe mode: a file of computer B'),
        ('curiosity', 444, 452, 'safe mode: software reset'),
        ('curiosity', 457, 461, 'pause: change of a voltage'),
        ('curiosity', 1389, 1397, 'safe mode: mismatch of software'),
        ('curiosity', 2175, 2205, 'pause: memory of computer B, change to A'),
        ('curiosity', 2321, 2332, 'safe mode: reset of the computer'),
        ('curiosity', 2340, 2345, 'pause: reset of the computer, change to B'),
        ('opportunity', 75, 79, 'new flight software'),
        ('opportunity', 1236, 1242, 'dust storm of 2007'),
        ('opportunity', 3759, 3765, 'flash memory reformatted'),
        ('perseverance', 5, 8, 'new flight software'),
        ('spirit', 19, 24, 'safe mode: flash memory'),
        ('spirit', 1875, 1885, 'resets of the computer')
    ) as listed (rover, first_sol, last_sol, reason)
),

around_conjunctions as (
    select
        rovers.rover,
        cast(
            floor(
                {{ milliseconds_between('rovers.first_midnight_utc', 'conjunctions.conjunction') }}
                / 88775244.0
            ) as integer
        ) + rovers.first_sol as sol
    from {{ ref('dim_rovers') }} as rovers
    cross join conjunctions
)

select
    rover,
    sol - 14 as first_sol,
    sol + 14 as last_sol,
    'solar conjunction' as reason
from around_conjunctions
where sol >= 14
union all
select
    rover,
    cast(first_sol as integer) as first_sol,
    cast(last_sol as integer) as last_sol,
    reason
from pauses
