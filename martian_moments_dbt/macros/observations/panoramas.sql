{#
    CTEs up to in_panoramas (photo_key, panorama_id, azimuth_from_deg, coverage_deg): at least three exposures of one
    camera in one sequence at one stop, each within two hours of the one before, whose footprints join along the
    horizon, and which look in directions that differ from the first by half the width of a frame or more: the
    panorama is then at least one and a half times as wide as a frame, and the same view again, through another filter
    or a little later, is none.

    Only frames that are no part of a larger one of their exposure, and that do not reach the zenith, where there is
    no azimuth.

    session: no pause of more than two hours. band: rows of frames that join vertically. The arcs of a band's frames
    on the circle are laid out twice on a line, so that north is no edge: in the second turn each frame stands after
    all that come before it. An island is a stretch of the line without a gap; where one frame stands in it twice, the
    circle is closed.
#}
{% macro panoramas_of(frames) -%}
{%- set columns = 'rover, sol, source_camera, sequence_id, site, drive' -%}
around as (
    select *
    from {{ frames }}
    where
        sequence_id is not null
        and site is not null
        and drive is not null
        and share >= 0.5
        and fov_h_deg > 0
        and abs(view_elevation_deg) + fov_v_deg / 2 < 90
),

-- Most sequences look one way, which is seen before anything is laid out.
surveys as (
    {{ numbered(
        'survey', columns, 'around', 'true',
        'count(*) >= 3 and max(view_azimuth_deg) - min(view_azimuth_deg) >= min(fov_h_deg) / 2'
    ) }}
),

footprints as (
    select
        surveys.survey,
        around.photo_key,
        around.exposure_id,
        around.tile,
        around.taken_at_utc,
        around.view_azimuth_deg,
        around.fov_h_deg,
        {{ circled('around.view_azimuth_deg - around.fov_h_deg / 2') }} as from_deg,
        round(around.view_elevation_deg - around.fov_v_deg / 2, 4) as lower_deg,
        round(around.view_elevation_deg + around.fov_v_deg / 2, 4) as upper_deg,
        lag(around.taken_at_utc) over (
            partition by surveys.survey order by around.taken_at_utc, around.photo_key
        ) as time_before
    from around
    inner join surveys on {{ same('around', 'surveys', columns) }}
),

sessions as (
    select
        *,
        sum(case when {{ milliseconds_between('time_before', 'taken_at_utc') }} > 7200000 then 1 else 0 end) over (
            partition by survey
            order by taken_at_utc, photo_key
            rows between unbounded preceding and current row
        ) as session
    from footprints
),

below as (
    select
        *,
        max(upper_deg) over (
            partition by survey, session
            order by lower_deg, photo_key
            rows between unbounded preceding and 1 preceding
        ) as upper_below_deg
    from sessions
),

bands as (
    select
        *,
        sum(case when lower_deg > upper_below_deg then 1 else 0 end) over (
            partition by survey, session
            order by lower_deg, photo_key
            rows between unbounded preceding and current row
        ) as band
    from below
),

turned as (
    select
        bands.*,
        turns.n as turn,
        round(bands.from_deg + 360 * turns.n, 4) as start_deg,
        round(bands.from_deg + 360 * turns.n + bands.fov_h_deg, 4) as end_deg
    from bands
    cross join ({{ integers(2) }}) as turns
),

reached as (
    select
        *,
        max(end_deg) over (
            partition by survey, session, band
            order by start_deg, photo_key
            rows between unbounded preceding and 1 preceding
        ) as end_before_deg
    from turned
),

islands as (
    select
        *,
        max(case when end_before_deg is null or start_deg > end_before_deg then start_deg end) over (
            partition by survey, session, band
            order by start_deg, photo_key
            rows between unbounded preceding and current row
        ) as island_deg
    from reached
),

circles as (
    select
        *,
        max(case when round(start_deg - 360, 4) >= island_deg then 1 else 0 end) over (
            partition by survey, session, band
        ) = 1 as is_closed
    from islands
    where turn = 1
),

pieces as (
    select
        *,
        case when is_closed then 0 else {{ circled('island_deg') }} end as piece_deg
    from circles
),

-- Of the tiles of an exposure the first says where it looks.
directed as (
    select
        *,
        first_value(view_azimuth_deg) over (
            partition by survey, session, band, piece_deg
            order by taken_at_utc, exposure_id, tile, photo_key
            rows between unbounded preceding and unbounded following
        ) as first_azimuth_deg,
        row_number() over (
            partition by survey, session, band, piece_deg, exposure_id order by tile, photo_key
        ) = 1 as is_first_tile
    from pieces
),

panoramas as (
    select
        survey,
        session,
        band,
        piece_deg,
        case
            when max(case when is_closed then 1 else 0 end) = 1 then 360
            else least(360, round(max(end_deg - island_deg), 4))
        end as coverage_deg,
        min({{ since_2000('taken_at_utc') }}) as first_ms,
        cast(floor(avg({{ since_2000('taken_at_utc') }})) as bigint) as mean_ms,
        min(photo_key) as least_key
    from directed
    group by survey, session, band, piece_deg
    having
        count(distinct exposure_id) >= 3
        and max(case when is_first_tile then {{ turn_between('view_azimuth_deg', 'first_azimuth_deg') }} end)
        >= max(fov_h_deg) / 2
),

placed as (
    select
        panoramas.*,
        concat_ws(
            '|',
            surveys.rover,
            surveys.source_camera,
            surveys.sequence_id,
            cast(surveys.sol as varchar),
            cast(surveys.site as varchar),
            cast(surveys.drive as varchar)
        ) as base
    from panoramas
    inner join surveys on panoramas.survey = surveys.survey
),

named_panoramas as (
    {{ identified('placed') }}
),

in_panoramas as (
    select
        directed.photo_key,
        named_panoramas.id as panorama_id,
        named_panoramas.piece_deg as azimuth_from_deg,
        named_panoramas.coverage_deg
    from directed
    inner join named_panoramas
        on
            directed.survey = named_panoramas.survey
            and directed.session = named_panoramas.session
            and directed.band = named_panoramas.band
            and directed.piece_deg = named_panoramas.piece_deg
)
{%- endmacro %}
