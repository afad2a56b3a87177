{#
    Which of the map server's odometers are believed.

    0 means that none was computed: in the middle of a drive (final = m), and at the end of one that was not measured yet, whatever
    final says (46_3032 on 2023-10-25, 21,733.9 m a day later). Only where the rover landed, before any distance, it is one.

    An odometer never falls. Of two that contradict each other the one is believed that fewer others contradict, so that one wrong
    number costs itself alone; none is where as many stand on either side.
#}
{% set landing_reach_m = 1 %}
{% set rounding_m = 0.01 %}

with waypoints as (
    select
        reported.rover,
        reported.site,
        reported.drive,
        reported.place,
        reported.odometer_reported_m,
        {{ sphere_metres(
            'reported.longitude', 'reported.latitude', 'rovers.landing_longitude', 'rovers.landing_latitude'
        ) }} as landing_m,
        coalesce(max(reported.odometer_reported_m) over (
            partition by reported.rover
            order by reported.place
            rows between unbounded preceding and 1 preceding
        ), 0) as furthest_before_m
    from {{ ref('localized_waypoints') }} as reported
    left join {{ ref('dim_rovers') }} as rovers on reported.rover = rovers.rover
),

landed as (
    select
        *,
        coalesce(landing_m <= {{ landing_reach_m }}, false) and furthest_before_m = 0 as is_landing_place
    from waypoints
),

computed as (
    select
        rover,
        site,
        drive,
        place,
        odometer_reported_m,
        is_landing_place,
        case when odometer_reported_m > 0 or is_landing_place then odometer_reported_m end as computed_m
    from landed
),

contradictions as (
    select
        one.rover,
        one.place,
        other.place as other_place
    from computed as one
    inner join computed as other
        on
            one.rover = other.rover
            and (
                (one.place < other.place and one.computed_m > other.computed_m + {{ rounding_m }})
                or (one.place > other.place and one.computed_m < other.computed_m - {{ rounding_m }})
            )
),

votes as (
    select
        rover,
        place,
        count(*) as against
    from contradictions
    group by rover, place
),

doubted as (
    select distinct
        contradictions.rover,
        contradictions.place
    from contradictions
    inner join votes on contradictions.rover = votes.rover and contradictions.place = votes.place
    inner join votes as others
        on contradictions.rover = others.rover and contradictions.other_place = others.place
    where votes.against >= others.against
)

select
    computed.rover,
    computed.site,
    computed.drive,
    computed.is_landing_place,
    computed.odometer_reported_m,
    case when doubted.place is null then computed.computed_m end as odometer_m,
    case
        when doubted.place is not null then 'contradicted'
        when computed.odometer_reported_m is not null and computed.computed_m is null then 'not computed'
    end as doubt
from computed
left join doubted on computed.rover = doubted.rover and computed.place = doubted.place
