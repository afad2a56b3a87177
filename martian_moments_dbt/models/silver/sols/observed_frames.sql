{{ config(**with_less_memory()) }}
{#
    Frames that belong together: stereo pairs, image sequences and panoramas, found sol by sol, since none goes beyond one.

    A frame is an exposure, or a tile of one: of its versions and renditions the one with most pixels stands, and of equals the
    last that was received. Thumbnails are none, nor products that are no pictures, which have no color_kind.

    A sol that was looked at has a row without a photo as well, so that the next build does not look at it again.
#}
with sols as (
    {{ changed_sols() }}
),

reported as (
    select
        photos.rover,
        photos.sol,
        photos.photo_key,
        photos.camera as source_camera,
        instruments.eye,
        instruments.stereo_partner as partner,
        photos.sequence_id,
        photos.exposure_id,
        photos.spacecraft_clock as clock,
        photos.taken_at_utc,
        photos.width_px,
        photos.height_px,
        concat_ws(
            '_',
            {%- for column in ('subframe_x', 'subframe_y', 'subframe_width', 'subframe_height') %}
            coalesce(cast(photos.{{ column }} as varchar), '?'){{ ',' if not loop.last }}
            {%- endfor %}
        ) as subframe,
        photos.subframe_x is not null and photos.subframe_y is not null as is_part_known,
        cast(photos.subframe_y as bigint) * 1000000 + photos.subframe_x as tile,
        cast(
            coalesce(photos.subframe_width, photos.width_px) as double
        ) * coalesce(photos.subframe_height, photos.height_px) as area,
        photos.site,
        photos.drive,
        photos.view_azimuth_deg,
        photos.view_elevation_deg,
        photos.fov_h_deg,
        photos.fov_v_deg,
        photos.camera_x_m,
        photos.camera_y_m,
        photos.camera_z_m,
        photos.date_received
    from sols
    inner join {{ ref('photo_records') }} as photos on sols.object_key = photos.object_key
    left join {{ facts('instruments') }} as instruments
        on photos.rover = instruments.rover and photos.camera = instruments.name
    where
        photos.exposure_id is not null
        and photos.color_kind is not null
        and photos.taken_at_method != 'sol'
        and not coalesce(photos.is_thumbnail, false)
        and (photos.view_azimuth_deg is not null or instruments.eye is not null)
),

frames as (
    select
        *,
        coalesce(area / max(area) over (partition by rover, sol, source_camera, exposure_id), 1) as share
    from (
        select
            *,
            count(*) over (partition by rover, sol, source_camera, exposure_id) as records
        from reported
        qualify
            row_number() over (
                partition by rover, sol, source_camera, exposure_id, subframe
                order by
                    coalesce(cast(width_px as bigint) * height_px, 0) desc,
                    coalesce(date_received, cast('1970-01-01T00:00:00+00:00' as timestamptz)) desc,
                    photo_key desc
            ) = 1
    ) as best
),

{{ pairs_of('frames') }},

{{ sequences_of('frames') }},

{{ panoramas_of('frames') }},

found as (
    select
        frames.*,
        in_pairs.pair_id,
        in_sequences.image_sequence_id,
        in_sequences.step_s,
        in_sequences.missing_before,
        in_sequences.first_azimuth_deg,
        in_sequences.first_elevation_deg,
        in_panoramas.panorama_id,
        in_panoramas.azimuth_from_deg,
        in_panoramas.coverage_deg
    from frames
    left join in_pairs on frames.photo_key = in_pairs.photo_key
    left join in_sequences on frames.photo_key = in_sequences.photo_key
    left join in_panoramas on frames.photo_key = in_panoramas.photo_key
    where
        in_pairs.pair_id is not null
        or in_sequences.image_sequence_id is not null
        or in_panoramas.panorama_id is not null
)

{%- set columns = [
    'photo_key', 'source_camera', 'eye', 'sequence_id', 'exposure_id', 'taken_at_utc', 'site', 'drive',
    'width_px', 'height_px', 'view_azimuth_deg', 'view_elevation_deg', 'fov_h_deg', 'fov_v_deg',
    'camera_x_m', 'camera_y_m', 'camera_z_m', 'pair_id', 'image_sequence_id', 'step_s', 'missing_before',
    'first_azimuth_deg', 'first_elevation_deg', 'panorama_id', 'azimuth_from_deg', 'coverage_deg',
] %}

select
    sols.rover,
    sols.sol,
    sols.version,
    found.{{ columns | join(',\n    found.') }}
from sols
inner join found on sols.rover = found.rover and sols.sol = found.sol
union all
select
    rover,
    sol,
    version,
    null as {{ columns | join(',\n    null as ') }}
from sols
