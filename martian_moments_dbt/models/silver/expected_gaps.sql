{#
    Sols on which a rover that takes no photos, or sends none, does nothing unusual. What no report explains is not here.

    * Around a solar conjunction of Mars nothing is commanded for two to three weeks. Curiosity's longest pause (2013, sols 236 to
      261) began 13 days before the conjunction and ended 13 days after it. The dates follow from the orbits.
    * Safe modes, resets, changes of flight software, storms, holidays and lost commands, as NASA told of them. The sols are those
      that the manifests of 2023 and 2024 have no photos of and that the report speaks of. The source names the report by its day:
      JPL    news of the Jet Propulsion Laboratory
      MER    the weekly status of Spirit and Opportunity (mars.nasa.gov/mer/mission/status_opportunityAll_<year>.html, and
             status_spiritAll_<year>.html)
      MSL    Curiosity's mission updates by its team (science.nasa.gov/mission/msl-curiosity, Curiosity blog)
      USGS   such updates by its scientists at the U.S. Geological Survey (astrogeology.usgs.gov/news)
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
        listed.reason,
        listed.source
    from (
        values
        ('curiosity', 4, 8, 'new flight software', 'JPL 2012-08-10'),
        ('curiosity', 201, 214, 'safe mode: flash memory of computer A', 'JPL 2013-02-28'),
        ('curiosity', 217, 221, 'safe mode: a file of computer B', 'JPL 2013-03-19'),
        ('curiosity', 264, 266, 'new flight software', 'USGS 2013-05-01'),
        ('curiosity', 444, 452, 'safe mode: software reset', 'JPL 2013-11-12'),
        ('curiosity', 457, 461, 'pause: change of a voltage', 'JPL 2013-11-20'),
        ('curiosity', 479, 484, 'new flight software', 'JPL 2013-12-20'),
        ('curiosity', 577, 577, 'commands withheld: safety of the mast', 'USGS 2014-03-24'),
        ('curiosity', 693, 693, 'nothing planned: too late for commands', 'USGS 2014-07-19'),
        ('curiosity', 697, 698, 'pause: a fault of the spare computer', 'USGS 2014-07-24'),
        ('curiosity', 841, 841, 'commands not sent: a transmitter on Earth', 'USGS 2014-12-18'),
        ('curiosity', 873, 879, 'new flight software', 'USGS 2015-01-27'),
        ('curiosity', 1068, 1070, 'commands not sent: Deep Space Network', 'USGS 2015-08-11'),
        ('curiosity', 1389, 1397, 'safe mode: mismatch of software', 'JPL 2016-07-11'),
        ('curiosity', 2175, 2208, 'pause: memory of computer B, change to A', 'MSL 2018-10-25'),
        ('curiosity', 2266, 2275, 'holidays: the weather only', 'MSL 2019-01-04'),
        ('curiosity', 2321, 2332, 'safe mode: reset of the computer', 'JPL 2019-02-22'),
        ('curiosity', 2340, 2345, 'pause: reset of the computer, change to B', 'MSL 2019-03-15'),
        ('curiosity', 2545, 2546, 'commands not sent: a network on Earth', 'MSL 2019-10-08'),
        ('curiosity', 2622, 2630, 'holidays', 'MSL 2019-12-20'),
        ('curiosity', 2649, 2652, 'pause: orientation lost', 'MSL 2020-01-22'),
        ('curiosity', 2805, 2807, 'new flight software', 'MSL 2020-06-26'),
        ('curiosity', 2810, 2810, 'new flight software', 'MSL 2020-07-01'),
        ('curiosity', 2814, 2814, 'new flight software', 'MSL 2020-07-01'),
        ('curiosity', 3334, 3343, 'holidays', 'MSL 2021-12-20'),
        ('curiosity', 3660, 3661, 'holidays', 'MSL 2022-11-21'),
        ('curiosity', 3691, 3698, 'holidays', 'MSL 2022-12-23'),
        ('curiosity', 3789, 3792, 'new flight software', 'MSL 2023-03-29'),
        ('opportunity', 75, 79, 'new flight software', 'MER 2004-04-12'),
        ('opportunity', 563, 564, 'reset of the computer', 'MER 2005-09-01'),
        ('opportunity', 597, 597, 'safe mode: reset of the computer', 'MER 2005-10-03'),
        ('opportunity', 623, 623, 'reset of the computer', 'MER 2005-10-31'),
        ('opportunity', 628, 629, 'dust storm: woke too late', 'MER 2005-11-02'),
        ('opportunity', 1236, 1253, 'dust storm of 2007', 'JPL 2007-07-20'),
        ('opportunity', 3236, 3236, 'reset of the computer', 'MER 2013-03-05'),
        ('opportunity', 3645, 3647, 'reset of the computer', 'MER 2014-04-30'),
        ('opportunity', 3680, 3681, 'reset of the computer', 'MER 2014-06-04'),
        ('opportunity', 3683, 3683, 'reset of the computer', 'MER 2014-06-04'),
        ('opportunity', 3759, 3765, 'flash memory emptied to be reformatted', 'MER 2014-08-28'),
        ('opportunity', 3865, 3894, 'flash memory not usable', 'MER 2015-01-06'),
        ('opportunity', 4095, 4095, 'batteries charged', 'MER 2015-08-04'),
        ('opportunity', 4097, 4097, 'batteries charged', 'MER 2015-08-04'),
        ('opportunity', 4184, 4185, 'commands not sent: Deep Space Network', 'MER 2015-11-03'),
        ('opportunity', 4233, 4243, 'winter: some sols to charge the batteries', 'MER 2016-01-03'),
        ('opportunity', 4826, 4826, 'batteries charged', 'MER 2017-08-22'),
        ('opportunity', 4832, 4833, 'batteries charged', 'MER 2017-08-29'),
        ('opportunity', 4835, 4835, 'batteries charged', 'MER 2017-09-05'),
        ('opportunity', 4837, 4839, 'batteries charged', 'MER 2017-09-05'),
        ('opportunity', 4849, 4849, 'batteries charged', 'MER 2017-09-21'),
        ('opportunity', 4852, 4852, 'batteries charged', 'MER 2017-09-21'),
        ('opportunity', 4873, 4873, 'batteries charged', 'MER 2017-10-16'),
        ('opportunity', 4892, 4892, 'batteries charged', 'MER 2017-10-31'),
        ('opportunity', 4894, 4894, 'batteries charged', 'MER 2017-10-31'),
        ('opportunity', 4933, 4933, 'batteries charged', 'MER 2017-12-10'),
        ('opportunity', 5108, 5110, 'dust storm of 2018', 'JPL 2018-06-12'),
        ('perseverance', 5, 8, 'new flight software', 'JPL 2021-03-05'),
        ('spirit', 19, 24, 'safe mode: flash memory', 'JPL 2004-02-01'),
        ('spirit', 27, 28, 'flash memory emptied and reformatted', 'JPL 2004-02-01'),
        ('spirit', 31, 31, 'flash memory emptied and reformatted', 'JPL 2004-02-01'),
        ('spirit', 95, 96, 'new flight software', 'MER 2004-04-09'),
        ('spirit', 98, 98, 'new flight software', 'MER 2004-04-09'),
        ('spirit', 137, 138, 'reset of the computer', 'MER 2004-06-02'),
        ('spirit', 395, 397, 'new flight software', 'MER 2005-02-24'),
        ('spirit', 450, 452, 'safe mode: reset of the computer', 'MER 2005-04-19'),
        ('spirit', 1872, 1885, 'resets of the computer', 'JPL 2009-04-13'),
        ('spirit', 2034, 2040, 'fault of the antenna: few commands arrive', 'MER 2009-10-07'),
        ('spirit', 2048, 2048, 'fault of the antenna: few commands arrive', 'MER 2009-10-07'),
        ('spirit', 2057, 2057, 'fault of the antenna: commands not sent', 'MER 2009-10-14'),
        ('spirit', 2065, 2074, 'flash memory not usable', 'MER 2009-11-04')
    ) as listed (rover, first_sol, last_sol, reason, source)
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
    'solar conjunction' as reason,
    'orbits' as source
from around_conjunctions
where sol >= 14
union all
select
    rover,
    cast(first_sol as integer) as first_sol,
    cast(last_sol as integer) as last_sol,
    reason,
    source
from pauses
