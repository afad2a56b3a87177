{#
    CTEs up to in_sequences (photo_key, image_sequence_id, step_s, missing_before, first_azimuth_deg,
    first_elevation_deg): four frames or more of one series with one view, to 0.05 degrees, in equal steps of at most
    120 s.

    Steps are equal within a fifth. A frame or two that are not there (never received, or not yet) are a step of twice
    or three times the length, so that a sequence stays one while its frames come in.

    block: frames with one view that follow each other; it ends at a step that is much longer than those beside it.
    Its usual step is the median. run: what is left of it where steps that do not fit are taken out.
#}
{% macro sequences_of(frames) -%}
{%- set columns = 'rover, sol, source_camera, sequence_id, width_px, height_px, subframe' -%}
{%- set in_order = 'partition by series order by taken_at_utc, photo_key' -%}
{%- set so_far = in_order ~ ' rows between unbounded preceding and current row' -%}
{%- set of_run = 'partition by series, block, run order by taken_at_utc, photo_key'
    ~ ' rows between unbounded preceding and unbounded following' -%}
series as (
    {{ numbered('series', columns, frames, 'view_azimuth_deg is not null and sequence_id is not null', 'count(*) >= 4') }}
),

followed as (
    select
        series.series,
        frames.photo_key,
        frames.clock,
        frames.taken_at_utc,
        frames.view_azimuth_deg,
        frames.view_elevation_deg,
        lag(frames.clock) over ({{ in_order }}) as clock_before,
        lag(frames.taken_at_utc) over ({{ in_order }}) as time_before,
        lag(frames.view_azimuth_deg) over ({{ in_order }}) as azimuth_before,
        lag(frames.view_elevation_deg) over ({{ in_order }}) as elevation_before
    from {{ frames }} as frames
    inner join series on {{ same('frames', 'series', columns) }}
    where frames.view_azimuth_deg is not null
),

stepped as (
    select
        *,
        case
            when
                {{ angle_between('azimuth_before', 'elevation_before', 'view_azimuth_deg', 'view_elevation_deg') }}
                <= 0.05
                then {{ seconds_apart('clock_before', 'time_before', 'clock', 'taken_at_utc') }}
        end as step_s
    from followed
),

neighboured as (
    select
        *,
        step_s <= 360
        and step_s <= 3.6 * greatest(
            coalesce(lag(step_s) over ({{ in_order }}), 0), coalesce(lead(step_s) over ({{ in_order }}), 0)
        ) as is_within
    from stepped
),

blocks as (
    select
        *,
        sum(case when is_within then 0 else 1 end) over ({{ so_far }}) as block
    from neighboured
),

usual as (
    select
        series,
        block,
        percentile_disc(0.5) within group (order by step_s) as usual_step_s
    from blocks
    where is_within
    group by series, block
    having count(*) >= 3 and percentile_disc(0.5) within group (order by step_s) between 0.001 and 120
),

measured as (
    select
        blocks.*,
        usual.usual_step_s,
        case when blocks.is_within then cast(round(blocks.step_s / usual.usual_step_s) as integer) end as steps
    from blocks
    inner join usual on blocks.series = usual.series and blocks.block = usual.block
),

runs as (
    select
        *,
        sum(case when steps between 1 and 3 and abs(step_s / usual_step_s - steps) <= 0.2 then 0 else 1 end) over (
            partition by series, block
            order by taken_at_utc, photo_key
            rows between unbounded preceding and current row
        ) as run
    from measured
),

seen_from as (
    select
        *,
        first_value(photo_key) over ({{ of_run }}) as first_photo_key,
        first_value(view_azimuth_deg) over ({{ of_run }}) as first_azimuth_deg,
        first_value(view_elevation_deg) over ({{ of_run }}) as first_elevation_deg
    from runs
),

sequences as (
    select
        series,
        block,
        run,
        {{ mean_direction('view_azimuth_deg', 'view_elevation_deg') }} as direction,
        min({{ since_2000('taken_at_utc') }}) as first_ms,
        cast(floor(avg({{ since_2000('taken_at_utc') }})) as bigint) as mean_ms,
        min(photo_key) as least_key
    from seen_from
    group by series, block, run
    having
        count(*) >= 4
        and max(
            {{ angle_between('first_azimuth_deg', 'first_elevation_deg', 'view_azimuth_deg', 'view_elevation_deg') }}
        ) <= 0.05
),

described as (
    select
        sequences.*,
        concat_ws(
            '|',
            series.rover,
            series.source_camera,
            series.sequence_id,
            cast(series.sol as varchar),
            sequences.direction,
            coalesce(cast(series.width_px as varchar) || 'x' || cast(series.height_px as varchar), '?'),
            series.subframe
        ) as base
    from sequences
    inner join series on sequences.series = series.series
),

named_sequences as (
    {{ identified('described') }}
),

in_sequences as (
    select
        seen_from.photo_key,
        named_sequences.id as image_sequence_id,
        seen_from.usual_step_s as step_s,
        case when seen_from.photo_key = seen_from.first_photo_key then 0 else seen_from.steps - 1 end as missing_before,
        seen_from.first_azimuth_deg,
        seen_from.first_elevation_deg
    from seen_from
    inner join named_sequences
        on
            seen_from.series = named_sequences.series
            and seen_from.block = named_sequences.block
            and seen_from.run = named_sequences.run
)
{%- endmacro %}
