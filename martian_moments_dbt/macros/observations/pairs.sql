{#
    CTEs up to in_pairs (photo_key, pair_id): the two eyes of a camera, in the same second of the spacecraft clock, in
    one sequence, of one size and the same part of the detector. Nothing is certain, and no pair, where two exposures
    of an eye lie in that second, or an exposure came in several records of which nobody knows what parts they are.
#}
{% macro pairs_of(frames) -%}
eyes as (
    select
        photo_key,
        eye,
        width_px,
        height_px,
        concat_ws(
            '|',
            rover,
            case when eye = 'left' then source_camera else partner end,
            cast(cast(floor(clock) as bigint) as varchar),
            coalesce(sequence_id, ''),
            subframe
        ) as pair_id
    from {{ frames }}
    where
        eye is not null
        and partner is not null
        and clock is not null
        and (is_part_known or records = 1)
),

pairs as (
    select pair_id
    from eyes
    group by pair_id
    having
        count(case when eye = 'left' then 1 end) = 1
        and count(case when eye = 'right' then 1 end) = 1
        and coalesce(min(width_px) = max(width_px), true)
        and coalesce(min(height_px) = max(height_px), true)
),

in_pairs as (
    select
        eyes.photo_key,
        eyes.pair_id
    from eyes
    inner join pairs on eyes.pair_id = pairs.pair_id
)
{%- endmacro %}
