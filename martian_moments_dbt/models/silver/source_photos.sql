{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='object_key',
    on_schema_change='fail',
    pre_hook="{% if is_incremental() %}{{ forget_replaced_documents(this) }}{% endif %}",
) }}
{#
    What every source tells of a picture, and what follows from its identity: product, place and time.

    Document by document: a photo that a source files under another sol later is here twice while both documents tell of it, and
    stays when one of them no longer does. Which telling stands is decided in photos_told_elsewhere.

    Times: the source's own UTC stands. Without one, or where the spacecraft clock or no clock at all contradicts it together
    with the local mean solar time, the local mean solar time tells; without that, the clock. The images of the Mars 2020 feed of
    February 2021 have a UTC that is hours off while their Mars time and clock agree.
#}
with staged as (
    {%- for source in var('sources') %}
    select * from {{ ref('stg_' ~ source ~ '__photos') }}
    {%- if is_incremental() %}
    where {{ is_changed_document('object_key', this) }}
    {%- endif %}
    {{- ' union all' if not loop.last }}
    {%- endfor %}
),

-- Photos of other sols and records that their dialect cannot read are set aside; of a photo that its document
-- tells twice, the last telling stands.
kept as (
    select
        staged.*,
        concat_ws('|', staged.rover, staged.source, staged.source_id) as photo_key,
        -- The files of the PDS have the names of their products, in small letters.
        case staged.source
            when 'pds' then staged.source_id else {{ file_name('staged.image_url') }}
        end as file_name
    from staged
    inner join {{ ref('photo_documents') }} as documents
        on staged.object_key = documents.object_key and staged.etag = documents.etag
    where staged.sol = staged.document_sol and staged.source_id is not null
    qualify
        row_number() over (
            partition by photo_key, staged.object_key
            order by staged.position desc
        ) = 1
),

named as (
    select
        photo_key,
        rover,
        sol,
        source,
        source_id,
        camera,
        camera_full_name,
        file_name,
        earth_date,
        image_url,
        object_key,
        etag,
        fetched_at,
        is_thumbnail,
        taken_at_utc as told_utc,
        lmst as told_lmst,
        -- Ids of the feed of Mars 2020 had a version until mid-2021.
        case source
            when 'pds' then source_id
            when 'm20' then coalesce({{ matched('source_id', '^(.*J)[0-9][0-9]$') }}, source_id)
            else {{ product('rover', 'file_name') }}
        end as product,
        coalesce(replace(product_type, ' ', '_'), {{ product_type('rover', 'file_name') }}) as product_type,
        coalesce(spacecraft_clock, {{ clock_of_name('rover', 'file_name') }}) as spacecraft_clock,
        {%- set counter = motion_counter('rover', 'file_name') %}
        {{ counter.site }} as site_of_name,
        {{ counter.drive }} as drive_of_name,
        site as told_site,
        drive as told_drive
    from kept
),

witnessed as (
    select
        named.*,
        rovers.landing_date,
        rovers.first_sol,
        rovers.first_midnight_utc,
        clocks.uncertainty_s as clock_uncertainty_s,
        {{ seconds_after(
            'rovers.first_midnight_utc',
            '(' ~ lmst_sol('named.told_lmst') ~ ' - rovers.first_sol) * 88775.244 + ' ~ lmst_elapsed('named.told_lmst')
        ) }} as utc_of_lmst,
        {{ seconds_after(
            "cast('2000-01-01T11:58:55.816+00:00' as timestamptz)",
            'named.spacecraft_clock + clocks.correction_s + (named.spacecraft_clock - clocks.clock) * clocks.drift'
        ) }} as utc_of_clock
    from named
    left join {{ ref('dim_rovers') }} as rovers on named.rover = rovers.rover
    left join {{ ref('clock_corrections') }} as clocks
        on
            named.rover = clocks.rover
            and named.spacecraft_clock >= clocks.clock_from
            and named.spacecraft_clock < clocks.clock_to
),

compared as (
    select
        *,
        {{ are_apart('told_utc', 'utc_of_lmst') }} as is_time_disputed,
        {{ are_apart('told_utc', 'utc_of_lmst') }}
        and not {{ are_apart('utc_of_clock', 'utc_of_lmst') }} as is_utc_wrong
    from witnessed
),

timed as (
    select
        *,
        case
            when is_utc_wrong then utc_of_lmst else coalesce(told_utc, utc_of_lmst, utc_of_clock)
        end as taken_at_utc,
        case
            when told_utc is not null and not is_utc_wrong then 'source'
            when utc_of_lmst is not null then 'lmst'
            when utc_of_clock is not null then 'clock'
        end as taken_at_method
    from compared
),

counted as (
    select
        *,
        {{ milliseconds_between('first_midnight_utc', 'taken_at_utc') }} as mission_ms
    from timed
),

told_on_mars as (
    select
        *,
        case when mission_ms >= 0 then {{ mission_sol('mission_ms', 'first_sol') }} end as mars_sol,
        case when mission_ms >= 0 then {{ mars_milliseconds('mission_ms') }} end as mars_ms
    from counted
)

select
    photo_key,
    rover,
    sol,
    source,
    source_id,
    {{ product_identity('rover', 'product') }} as product_identity,
    coalesce(camera, 'UNKNOWN') as camera,
    camera_full_name,
    product_type,
    coalesce(is_thumbnail, {{ is_thumbnail('rover', 'file_name', 'product_type') }}) as is_thumbnail,
    taken_at_utc,
    taken_at_method,
    cast(
        case taken_at_method
            when 'source' then 1 when 'lmst' then 5 when 'clock' then clock_uncertainty_s
        end as double
    ) as taken_at_uncertainty_s,
    is_time_disputed,
    coalesce(told_lmst, {{ lmst_text('mars_sol', 'mars_ms') }}) as lmst,
    case when told_lmst is not null then 'source' when mars_sol is not null then 'utc' end as lmst_method,
    coalesce(earth_date, cast(taken_at_utc as date)) as earth_date,
    case
        when earth_date = {{ date_of_sol('landing_date', 'sol') }} then 'computed_from_sol'
        when earth_date is not null then 'source'
        when taken_at_utc is not null then 'utc'
    end as earth_date_method,
    spacecraft_clock,
    coalesce(told_site, site_of_name) as site,
    coalesce(told_drive, drive_of_name) as drive,
    case
        when told_site is not null and told_drive is not null then 'telemetry'
        when coalesce(told_site, site_of_name) is not null and coalesce(told_drive, drive_of_name) is not null
            then 'file_name'
    end as site_method,
    coalesce(
        case
            when source = 'v1'
                -- The archive files a picture under the sol of its clock, v1 at times under the one before.
                then {{ archived_url(
                    'rover', 'product', 'case when abs(mars_sol - sol) <= 1 then mars_sol else sol end'
                ) }}
        end,
        regexp_replace(image_url, '^http:', 'https:')
    ) as image_url,
    object_key,
    etag,
    fetched_at
from told_on_mars
