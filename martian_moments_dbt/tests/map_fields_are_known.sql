{#
    Where the map server's files differ from those of 2022-11 to 2026, which staging reads by their own names: fields that have
    another name, also those of earlier drifts that staging knows; fields that are missing, which are read as null unless the
    geometry or an earlier name reports them; numbers that come as text. All features are looked at, some thousands.
    Which names are known says the seed known_fields.
#}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'stg_mmgis__waypoints'}}}) }}

{% set numbers = {
    'traverse': ['sol', 'length', 'Length', 'SCLK_START', 'SCLK_END'],
    'waypoints': ['sol', 'lon', 'lat', 'elev_geoid', 'dist_m', 'dist_total_m', 'yaw'],
} %}

with features as (
    select
        'traverse' as kind,
        rover,
        properties
    from {{ ref('stg_mmgis__legs') }}
    union all
    select
        'waypoints' as kind,
        rover,
        properties
    from {{ ref('stg_mmgis__waypoints') }}
),

collections as (
    select
        kind,
        rover,
        {{ json_object('document', 'pages[0]') }} as collection
    from {{ source('bronze', 'raw_traverse') }}
    where source = 'mmgis'
),

names as (
    {{ field_names('features', parsed('properties'), ['kind', 'rover']) }}
),

collection_names as (
    {{ field_names('collections', 'collection', ['kind', 'rover']) }}
),

found as (
    select
        kind,
        rover,
        name,
        count(*) as features
    from names
    group by kind, rover, name
),

totals as (
    select
        kind,
        rover,
        count(*) as features
    from features
    group by kind, rover
),

known as (
    select
        replace(dialect, 'mmgis ', '') as kind,
        name,
        is_needed,
        coalesce(instead, name) as other_name
    from {{ ref('known_fields') }}
    where dialect in ('mmgis traverse', 'mmgis waypoints') and last_seen is null
),

-- What staging reads, and the name that stands for it in the file of the other mission.
needed as (
    select * from known
    where is_needed
),

missing as (
    select
        totals.kind,
        totals.rover,
        needed.name,
        totals.features - coalesce(sum(found.features), 0) as features
    from totals
    inner join needed on totals.kind = needed.kind
    left join found
        on
            totals.kind = found.kind
            and totals.rover = found.rover
            and found.name in (needed.name, needed.other_name)
    group by totals.kind, totals.rover, needed.name, totals.features
    having totals.features > coalesce(sum(found.features), 0)
)

select
    found.kind,
    found.rover,
    found.name,
    'unknown' as reason,
    found.features
from found
left join known on found.kind = known.kind and found.name = known.name
where known.name is null
union all
select
    kind,
    rover,
    name,
    'missing' as reason,
    features
from missing
{%- for kind, names in numbers.items() %}
{%- for name in names %}
union all
select
    kind,
    rover,
    '{{ name }}' as name,
    'text' as reason,
    count(*) as features
from features
where kind = '{{ kind }}' and {{ is_text('properties', name) }}
group by kind, rover
{%- endfor %}
{%- endfor %}
union all
select
    kind,
    rover,
    'collection.' || name as name,
    'unknown' as reason,
    1 as features
from collection_names
where name not in ('type', 'name', 'features', 'synthetic') and (kind <> 'traverse' or name <> 'crs')
union all
select
    collections.kind,
    collections.rover,
    'collection.name' as name,
    'missing' as reason,
    1 as features
from collections
left join collection_names
    on
        collections.kind = collection_names.kind
        and collections.rover = collection_names.rover
        and collection_names.name = 'name'
where collection_names.name is null
