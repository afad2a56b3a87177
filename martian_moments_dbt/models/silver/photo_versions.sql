{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='photo_key',
    full_refresh=false,
    on_schema_change='append_new_columns',
    **with_less_memory(),
) }}
{#
    What gold.photo_changes publishes, and by what a change is known: one row per photo that was ever in fact_photos. Never
    built anew by --full-refresh, which would forget what went: only where nothing is held does everything appear.

    A photo has changed where a column of fact_photos has, but for these: where the rover stood and all that follows from it
    (a map that is revised moves thousands of photos at once; dim_waypoints has it), the canonical camera (dim_cameras), and in
    which document it stands. A photo that another source reports has another key: one went, the other appeared.

    Sols of which everything is as it was at the last build (observed_sols) are not looked at again, unless the rules may be
    others: a photo that left one of them, or came from another, has changed the version of both.
    Times of two builds are never the same, also where a clock is set back in between: who asks for what changed after the last
    time that he saw misses nothing.
#}
{%- set left_out = [
    'photo_key', 'rover', 'camera', 'source_camera', 'camera_role', 'object_key', 'fetched_at',
    'longitude', 'latitude', 'elevation_m', 'heading_deg', 'distance_driven_m', 'distance_driven_method',
    'location_method', 'location_quality', 'location_uncertainty_m',
    'sun_azimuth_deg', 'sun_elevation_deg', 'local_true_solar_time',
] %}
{%- set columns = graph.nodes['model.martian_moments.fact_photos'].columns if execute else [] %}
{%- set now = "cast('" ~ run_started_at.strftime('%Y-%m-%dT%H:%M:%S.%f+00:00') ~ "' as timestamptz)" %}
with held as (
    {%- if is_incremental() %}
    select * from {{ this }}
    {%- else %}
    select
        cast(null as varchar) as photo_key,
        cast(null as varchar) as rover,
        cast(null as integer) as sol,
        cast(null as varchar) as source,
        cast(null as varchar) as change,
        cast(null as timestamptz) as changed_at,
        cast(null as timestamptz) as appeared_at,
        cast(null as timestamptz) as history_since,
        cast(null as varchar) as object_key,
        cast(null as varchar) as version,
        cast(null as timestamptz) as fetched_at,
        cast(null as varchar) as digest
    where false
    {%- endif %}
),

build as (
    select
        greatest({{ now }}, coalesce({{ seconds_after('max(changed_at)', 0.001) }}, {{ now }})) as built_at,
        coalesce(min(history_since), {{ now }}) as history_since
    from held
),

sols as (
    select *
    from {{ ref('observed_sols') }}
    {%- if not flags.FULL_REFRESH %}
    where
        version not in (
            select distinct version from held
            where change != 'went'
        )
    {%- endif %}
),

-- Distinct first: these are few.
outdated as (
    select distinct version
    from held
    where
        change != 'went'
        and version not in (select version from {{ ref('observed_sols') }})
),

reported as (
    select
        photos.photo_key,
        photos.rover,
        photos.sol,
        photos.source,
        photos.object_key,
        sols.version,
        photos.fetched_at,
        md5(
            concat_ws(
                '|',
                {%- for column in columns if column not in left_out %}
                coalesce(cast(photos.{{ column }} as varchar), '~'),
                {%- endfor %}
                photos.camera
            )
        ) as digest
    from sols
    inner join {{ ref('photo_records') }} as photos on sols.object_key = photos.object_key
),

compared as (
    select
        reported.*,
        held.change as held_change,
        held.changed_at as held_changed_at,
        held.appeared_at as held_appeared_at,
        case
            when coalesce(held.change, 'went') = 'went' then 'appeared'
            when held.digest != reported.digest then 'changed'
        end as new_change
    from reported
    left join held on reported.photo_key = held.photo_key
)

select
    compared.photo_key,
    compared.rover,
    compared.sol,
    compared.source,
    coalesce(compared.new_change, compared.held_change) as change,
    case when compared.new_change is null then compared.held_changed_at else build.built_at end as changed_at,
    case
        when compared.new_change = 'appeared' then build.built_at else compared.held_appeared_at
    end as appeared_at,
    build.history_since,
    compared.object_key,
    compared.version,
    compared.fetched_at,
    compared.digest
from compared
cross join build
union all
select
    held.photo_key,
    held.rover,
    held.sol,
    held.source,
    'went' as change,
    build.built_at as changed_at,
    held.appeared_at,
    held.history_since,
    held.object_key,
    held.version,
    held.fetched_at,
    held.digest
from held
cross join build
where
    held.change != 'went'
    and held.photo_key not in (select photo_key from reported)
    {%- if not flags.FULL_REFRESH %}
    and held.version in (select version from outdated)
    {%- endif %}
