{#
    Properties of the map server's features that have no known name: a renamed field is read as null, so somebody should look.
    The names of 2021 to 2026 are known, those that were cut to ten characters in March 2021 included.
#}
{{ config(severity='warn') }}

with legs as (
    {{ field_names(ref('stg_mmgis__legs'), 'properties', ['rover']) }}
),

waypoints as (
    {{ field_names(ref('stg_mmgis__waypoints'), 'properties', ['rover']) }}
)

select
    'traverse' as map,
    rover,
    name,
    count(*) as features
from legs
where name not in ('sol', 'fromRMC', 'toRMC', 'length', 'Length', 'SCLK_START', 'SCLK_END')
group by rover, name
union all
select
    'waypoints' as map,
    rover,
    name,
    count(*) as features
from waypoints
where
    name not in (
        'RMC', 'site', 'drive', 'sol', 'easting', 'northing', 'elev_geoid', 'elev_radii', 'radius', 'lon', 'lat',
        'roll', 'pitch', 'yaw', 'yaw_rad', 'tilt', 'dist_m', 'dist_total_m', 'dist_total', 'dist_km', 'dist_mi',
        'final', 'final_', 'drive_type', 'Note', 'images', 'SCLK_START', 'SCLK_END', 'OID_', 'ORIG_FID', 'drive__m',
        'drive_tota', 'drive_to_1', 'drive_to_2'
    )
group by rover, name
