{#
    What a source reports about a picture, and what follows from its identity: product, place and time.

    Document by document: a photo that a source files under another sol later is here twice while both documents report it, and
    stays when one of them no longer does. Which report stands is decided in photos_reported_elsewhere.

    Times: a picture has up to four witnesses, its UTC, its local mean solar time, the spacecraft clock and the sol it is filed
    under. A time is borne out by the sol if it is of it, or of the one before or after, as sources number sols, and by every
    other time that is the same within a minute. What is borne out best stands, and of equals the most precise: the UTC, unless
    the Mars time is as good and reports another time, or the clock is and reports one more than two hours off; then the Mars
    time, likewise; then the clock. A UTC or a Mars time that nothing bears out is not believed: without a clock, all that is
    known is the sol. Whatever contradicts another is disputed.

    Examples: images of the Mars 2020 feed of February 2021 whose UTC is hours off while Mars time and clock agree; items of
    the MSL list that are dated before the landing. Clocks are compared within two hours: Curiosity's fell
    behind by 3,848 s between the two sols on which it is known, and those of Spirit and Opportunity stepped by up to 108 s.

    A model for each source, for memory: all of them in one statement are read at once, and where bronze has the whole history
    already, that takes more than DuckDB may have (profiles.yml; 2.2 million records of the missions' feeds).
#}
{% macro photos_of_source(source) -%}
with staged as (
    select * from {{ ref('stg_' ~ source ~ '__photos') }}
    {%- if is_incremental() %}
    where {{ is_changed_document('object_key', source, this) }}
    {%- endif %}
),

-- Photos of other sols and records that their dialect cannot read are set aside; of a photo that its document
-- reports twice, the last report stands.
kept as (
    select
        staged.*,
        rovers.grammar,
        concat_ws('|', staged.rover, staged.source, staged.source_id) as photo_key,
        -- The PDS names its files by the product, in small letters, the Mars 2020 feed by id and version.
        case staged.source
            when 'pds' then staged.source_id
            when 'm20' then coalesce({{ file_name('staged.image_url') }}, staged.source_id)
            else {{ file_name('staged.image_url') }}
        end as file_name
    from staged
    inner join {{ ref('photo_documents') }} as documents
        on staged.object_key = documents.object_key and staged.etag = documents.etag
    left join {{ facts('rovers') }} as rovers on staged.rover = rovers.rover
    where staged.sol = staged.document_sol and staged.source_id is not null
    qualify
        row_number() over (
            -- A document is of one rover and one source.
            partition by staged.object_key, staged.source_id
            order by staged.position desc
        ) = 1
),

named as (
    select
        photo_key,
        rover,
        grammar,
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
        taken_at_utc as reported_utc,
        received_at_utc,
        lmst as reported_lmst,
        -- Ids of the feed of Mars 2020 had a version until mid-2021.
        case source
            when 'pds' then source_id
            when 'm20' then coalesce({{ matched('source_id', '^(.*J)[0-9][0-9]$') }}, source_id)
            else {{ product('grammar', 'file_name') }}
        end as product,
        coalesce(replace(product_type, ' ', '_'), {{ product_type('grammar', 'file_name') }}) as product_type,
        spacecraft_clock as reported_clock,
        {{ clock_of_name('grammar', 'file_name') }} as clock_of_name,
        {%- set counter = motion_counter('grammar', 'file_name') %}
        {{ counter.site }} as site_of_name,
        {{ counter.drive }} as drive_of_name,
        site as reported_site,
        drive as reported_drive,
        {{ exposure('grammar', 'file_name') }} as exposure,
        coalesce(sequence_id, {{ sequence('grammar', 'file_name') }}) as sequence_id,
        {{ picture_columns().keys() | reject('equalto', 'sequence_id') | join(',\n        ') }}
    from kept
),

-- A clock of before the landing, or of after both fetch and sol, reports nothing; one in the file name may.
bounded as (
    select
        named.*,
        rovers.first_sol,
        rovers.first_midnight_utc,
        {{ date_of_sol('rovers.landing_date', 'named.sol') }} as date_of_sol,
        coalesce({{ clock_at('rovers.first_midnight_utc') }} - {{ sol_seconds() }}, 0) as first_clock,
        {{ clock_at('named.fetched_at') }} + {{ sol_seconds() }} as clock_at_fetch
    from named
    left join {{ ref('dim_rovers') }} as rovers on named.rover = rovers.rover
),

spanned as (
    select
        *,
        greatest(
            clock_at_fetch, coalesce(first_clock + (sol - first_sol + 4) * {{ sol_seconds() }}, 0)
        ) as last_clock
    from bounded
),

clocked as (
    select
        *,
        coalesce(reported_clock < first_clock or reported_clock > last_clock, false) as is_clock_impossible,
        case
            when reported_clock between first_clock and last_clock then reported_clock
            when clock_of_name between first_clock and last_clock then clock_of_name
        end as spacecraft_clock
    from spanned
),

witnessed as (
    select
        clocked.*,
        clocks.uncertainty_s as clock_uncertainty_s,
        {{ seconds_after(
            'clocked.first_midnight_utc',
            '(' ~ lmst_sol('clocked.reported_lmst') ~ ' - clocked.first_sol) * ' ~ sol_seconds() ~ ' + ' ~ lmst_elapsed('clocked.reported_lmst')
        ) }} as utc_of_lmst,
        {{ seconds_after(
            clock_zero(), 'clocked.spacecraft_clock + clocks.correction_s + (clocked.spacecraft_clock - clocks.clock) * clocks.drift'
        ) }} as utc_of_clock
    from clocked
    left join {{ ref('clock_corrections') }} as clocks
        on
            -- Of each: DuckDB, which cannot guess how many records documents have, takes the clocks for fewer then, and does
            -- not hash the photos, after which one core would do the rest.
            clocks.clock_to > 0
            and clocked.rover = clocks.rover
            and clocked.spacecraft_clock >= clocks.clock_from
            and clocked.spacecraft_clock < clocks.clock_to
),

compared as (
    select
        *,
        {{ are_apart('reported_utc', 'utc_of_lmst', 60) }} as utc_and_lmst_differ,
        {{ are_apart('reported_utc', 'utc_of_clock', 7200) }} as utc_and_clock_differ,
        {{ are_apart('utc_of_lmst', 'utc_of_clock', 7200) }} as lmst_and_clock_differ,
        {{ is_of_sol('reported_utc', 'sol', 'first_sol', 'first_midnight_utc') }} as utc_is_of_sol,
        {{ is_of_sol('utc_of_lmst', 'sol', 'first_sol', 'first_midnight_utc') }} as lmst_is_of_sol,
        {{ is_of_sol('utc_of_clock', 'sol', 'first_sol', 'first_midnight_utc') }} as clock_is_of_sol,
        {{ are_close('reported_utc', 'utc_of_lmst', 60) }} as utc_like_lmst,
        {{ are_close('reported_utc', 'utc_of_clock', 60) }} as utc_like_clock,
        {{ are_close('utc_of_lmst', 'utc_of_clock', 60) }} as lmst_like_clock
    from witnessed
),

-- By how many of the others each is borne out.
weighed as (
    select
        *,
        {{ count_true('utc_is_of_sol', 'utc_like_lmst', 'utc_like_clock') }} as utc_weight,
        {{ count_true('lmst_is_of_sol', 'utc_like_lmst', 'lmst_like_clock') }} as lmst_weight,
        {{ count_true('clock_is_of_sol', 'utc_like_clock', 'lmst_like_clock') }} as clock_weight
    from compared
),

chosen as (
    select
        *,
        case
            when
                utc_weight > 0
                and (utc_weight > lmst_weight or not utc_and_lmst_differ)
                and (utc_weight > clock_weight or not utc_and_clock_differ)
                then 'source'
            when lmst_weight > 0 and (lmst_weight > clock_weight or not lmst_and_clock_differ) then 'lmst'
            when utc_of_clock is not null then 'clock'
            when reported_utc is not null or utc_of_lmst is not null then 'sol'
        end as taken_at_method
    from weighed
),

timed as (
    select
        *,
        case taken_at_method
            when 'source' then reported_utc
            when 'lmst' then utc_of_lmst
            when 'clock' then utc_of_clock
            when 'sol'
                then {{ seconds_after('first_midnight_utc', '(sol - first_sol + 0.5) * ' ~ sol_seconds()) }}
        end as taken_at_utc
    from chosen
),

-- A day that is reported may be two off: v1's is one late at times, and so is the number of the sol.
counted as (
    select
        *,
        abs(datediff('day', date_of_sol, earth_date)) as days_from_sol,
        abs(datediff('day', cast(taken_at_utc as date), earth_date)) as days_from_time,
        {{ milliseconds_between('first_midnight_utc', 'taken_at_utc') }} as mission_ms
    from timed
),

reported_on_mars as (
    select
        *,
        earth_date is not null
        and date_of_sol is not null
        and coalesce(days_from_sol > 2, true)
        and coalesce(days_from_time > 2, true) as is_day_wrong,
        {{ is_lmst('reported_lmst') }}
        and not {{ are_apart('utc_of_lmst', 'taken_at_utc', 60) }} as is_lmst_believed,
        -- Of a time that follows from nothing but the sol no time of day does.
        case
            when mission_ms >= 0 and taken_at_method != 'sol'
                then {{ mission_sol('mission_ms', 'first_sol') }}
        end as mars_sol,
        case when mission_ms >= 0 then {{ mars_milliseconds('mission_ms') }} end as mars_ms,
        -- Likewise for the Sun.
        case when taken_at_method != 'sol' then taken_at_utc end as lit_at_utc
    from counted
),

sunlit as (
    {{ with_sun('reported_on_mars', 'lit_at_utc') }}
),

linked as (
    select
        *,
        coalesce(
            case
                -- The archive files a picture under the sol of its clock, v1 at times under the one before.
                when source = 'v1'
                    then {{ archived_url(
                        'grammar', 'rover', 'product', 'case when abs(mars_sol - sol) <= 1 then mars_sol else sol end'
                    ) }}
            end,
            {{ secure('image_url') }}
        ) as link
    from sunlit
)

select
    photo_key,
    rover,
    sol,
    source,
    source_id,
    {{ product_identity('grammar', 'product') }} as product_identity,
    coalesce(camera, 'UNKNOWN') as camera,
    camera_full_name,
    product_type,
    coalesce(is_thumbnail, {{ is_thumbnail('grammar', 'file_name', 'product_type') }}) as is_thumbnail,
    taken_at_utc,
    taken_at_method,
    cast(
        case taken_at_method
            when 'source' then 1
            when 'lmst' then 5
            when 'clock' then clock_uncertainty_s
            when 'sol' then {{ sol_seconds(0.5) }}
        end as double
    ) as taken_at_uncertainty_s,
    utc_and_lmst_differ
    or utc_and_clock_differ
    or lmst_and_clock_differ
    or is_clock_impossible
    or is_day_wrong
    or coalesce(not utc_is_of_sol, false)
    or coalesce(not lmst_is_of_sol, false)
    or coalesce(not clock_is_of_sol, false)
    or coalesce(taken_at_method != 'sol' and taken_at_utc > received_at_utc, false) as is_time_disputed,
    case when is_lmst_believed then reported_lmst else {{ lmst_text('mars_sol', 'mars_ms') }} end as lmst,
    case when is_lmst_believed then 'source' when mars_sol is not null then 'utc' end as lmst_method,
    case
        when is_day_wrong then coalesce(cast(taken_at_utc as date), date_of_sol)
        else coalesce(earth_date, cast(taken_at_utc as date))
    end as earth_date,
    case
        when days_from_sol = 0 then 'computed_from_sol'
        when earth_date is not null and not is_day_wrong then 'source'
        when taken_at_method != 'sol' then 'utc'
        when date_of_sol is not null then 'computed_from_sol'
    end as earth_date_method,
    spacecraft_clock,
    coalesce(reported_site, site_of_name) as site,
    coalesce(reported_drive, drive_of_name) as drive,
    case
        when reported_site is not null and reported_drive is not null then 'telemetry'
        when
            coalesce(reported_site, site_of_name) is not null
            and coalesce(reported_drive, drive_of_name) is not null
            then 'file_name'
    end as site_method,
    sequence_id,
    rover || '|' || exposure as exposure_id,
    {{ color_kind('grammar', 'file_name', 'exposure') }} as color_kind,
    width_px,
    height_px,
    scale_factor,
    subframe_x,
    subframe_y,
    subframe_width,
    subframe_height,
    view_azimuth_deg,
    view_elevation_deg,
    fov_h_deg,
    fov_v_deg,
    view_method,
    camera_x_m,
    camera_y_m,
    camera_z_m,
    solar_longitude_deg,
    mars_year,
    sun_declination_deg,
    subsolar_longitude_deg,
    caption,
    credit,
    received_at_utc as date_received,
    link as image_url,
    {{ secure('image_url_small') }} as image_url_small,
    case source
        when 'v1' then {{ full_size_url('grammar', 'link') }} else {{ secure('image_url_full') }}
    end as image_url_full,
    object_key,
    etag,
    fetched_at
from linked
{%- endmacro %}
