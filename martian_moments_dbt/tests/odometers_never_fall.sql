{#
    Odometers that are not believed: those that contradict more of the others than contradict these, and the 0 of a drive's end
    that is not computed yet. In the middle of a drive none is expected.
#}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'odometers'}}}) }}

select
    odometers.rover,
    odometers.site,
    odometers.drive,
    odometers.odometer_reported_m,
    odometers.doubt
from {{ ref('odometers') }} as odometers
inner join {{ ref('localized_waypoints') }} as waypoints
    on
        odometers.rover = waypoints.rover
        and odometers.site = waypoints.site
        and odometers.drive = waypoints.drive
where
    odometers.doubt = 'contradicted'
    or (odometers.doubt is not null and coalesce(waypoints.final, 'y') <> 'm')
