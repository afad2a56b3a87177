{#
    Where the map server's files differ from those of 2022-11 to 2026, which staging reads by their own names: fields that have
    another name, also those of earlier drifts that staging knows; fields that are missing, which are read as null unless the
    geometry or an earlier name tells them; numbers that come as text. All features are looked at, some thousands.

    Curiosity's legs have nothing but their Length, its waypoints say drive_type instead of final.
#}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'stg_mmgis__waypoints'}}}) }}

{% set numbers = {
    'traverse': ['sol', 'length', 'Length', 'SCLK_START'],
    'waypoints': ['sol', 'lon', 'lat', 'elev_geoid', 'dist_total_m', 'yaw'],
} %}

with features as (
    select
        'traverse' as map,
        rover,
        properties
    from {{ ref('stg_mmgis__legs') }}
    union all
    select
        'waypoints' as map,
        rover,
        properties
    from {{ ref('stg_mmgis__waypoints') }}
),

collections as (
    select
        kind as map,
        rover,
        {{ json_object('document', 'pages[0]') }} as collection
    from {{ source('bronze', 'raw_traverse') }}
    where source = 'mmgis'
),

names as (
    {{ field_names('features', parsed('properties'), ['map', 'rover']) }}
),

collection_names as (
    {{ field_names('collections', 'collection', ['map', 'rover']) }}
),

found as (
    select
        map,
        rover,
        name,
        count(*) as features
    from names
    group by map, rover, name
),

totals as (
    select
        map,
        rover,
        count(*) as features
    from features
    group by map, rover
),

known as (
    select
        listed.map,
        listed.name
    from (
        values
        {%- for map, names in {
            'traverse': ['sol', 'fromRMC', 'toRMC', 'length', 'Length', 'SCLK_START', 'SCLK_END'],
            'waypoints': [
                'RMC', 'site', 'drive', 'sol', 'easting', 'northing', 'elev_geoid', 'elev_radii', 'radius', 'lon',
                'lat', 'roll', 'pitch', 'yaw', 'yaw_rad', 'tilt', 'dist_m', 'dist_total_m', 'dist_km', 'dist_mi',
                'final', 'drive_type', 'Note', 'images',
            ],
        }.items() %}
        {%- set last = loop.last %}
        {%- for name in names %}
        ('{{ map }}', '{{ name }}'){{ ',' if not (last and loop.last) }}
        {%- endfor %}
        {%- endfor %}
    ) as listed (map, name)
),

-- What staging reads, and the name that stands for it in the file of the other mission.
needed as (
    select
        listed.map,
        listed.name,
        listed.other_name
    from (
        values
        ('traverse', 'sol', 'Length'),
        ('traverse', 'fromRMC', 'Length'),
        ('traverse', 'toRMC', 'Length'),
        ('traverse', 'length', 'Length'),
        ('traverse', 'SCLK_START', 'Length'),
        ('waypoints', 'RMC', 'RMC'),
        ('waypoints', 'sol', 'sol'),
        ('waypoints', 'lon', 'lon'),
        ('waypoints', 'lat', 'lat'),
        ('waypoints', 'elev_geoid', 'elev_geoid'),
        ('waypoints', 'dist_total_m', 'dist_total_m'),
        ('waypoints', 'yaw', 'yaw'),
        ('waypoints', 'final', 'drive_type')
    ) as listed (map, name, other_name)
),

missing as (
    select
        totals.map,
        totals.rover,
        needed.name,
        totals.features - coalesce(sum(found.features), 0) as features
    from totals
    inner join needed on totals.map = needed.map
    left join found
        on
            totals.map = found.map
            and totals.rover = found.rover
            and found.name in (needed.name, needed.other_name)
    group by totals.map, totals.rover, needed.name, totals.features
    having totals.features > coalesce(sum(found.features), 0)
)

select
    found.map,
    found.rover,
    found.name,
    'unknown' as reason,
    found.features
from found
left join known on found.map = known.map and found.name = known.name
where known.name is null
union all
select
    map,
    rover,
    name,
    'missing' as reason,
    features
from missing
{%- for map, names in numbers.items() %}
{%- for name in names %}
union all
select
    map,
    rover,
    '{{ name }}' as name,
    'text' as reason,
    count(*) as features
from features
where map = '{{ map }}' and {{ is_text('properties', name) }}
group by map, rover
{%- endfor %}
{%- endfor %}
union all
select
    map,
    rover,
    'collection.' || name as name,
    'unknown' as reason,
    1 as features
from collection_names
where name not in ('type', 'name', 'features', 'synthetic') and (map <> 'traverse' or name <> 'crs')
union all
select
    collections.map,
    collections.rover,
    'collection.name' as name,
    'missing' as reason,
    1 as features
from collections
left join collection_names
    on
        collections.map = collection_names.map
        and collections.rover = collection_names.rover
        and collection_names.name = 'name'
where collection_names.name is null
