-- The candidates of a moment in the order in which they were taken, each with whether it is a frame and, if
-- not, why not.
--
-- One query of the published tables silver.fact_photos and silver.fact_images, for DuckDB. A candidate is a
-- photo that the moment describes, whatever became of it: by rover, cameras, sols, time of day and, for some
-- kinds, by where it looks. The first reason that is true of it stands. Reasons that pictures alone can give
-- count only pictures that are held, so that an empty fact_images tells which pictures are wanted
-- (not_fetched).
--
-- Parameters: $rover; $cameras, a list; $kind (drive, sky, view, all); $first_sol and $final_sol, both
-- included; $last_sols, null or how many of the newest; $since and $until, null or minutes of the local day,
-- over midnight where since is later; $most, the most frames.
with rules as (
    select
        -- A part of the detector that is less than this share of what the camera ever delivered is no whole
        -- frame: some cameras lose a few rows or columns (1,200 of 1,214 rows of Mastcam-Z), tiles are a
        -- quarter or a sixteenth.
        0.9 as whole_share,
        -- Above the horizon, with an edge that may lie below it: 30 degrees up with a view of 73 degrees is a
        -- sky movie.
        10.0 as sky_deg,
        -10.0 as sky_edge_deg,
        -- A series of the sky has at least so many exposures of a sol and sequence.
        4 as series_frames,
        -- Two pictures have one view when their centres are no further apart.
        1.0 as view_deg,
        -- Nothing to see: nearly all black, or nearly all white, or so dark or bright that no level brings it
        -- back.
        0.6 as black_share,
        0.35 as saturated_share,
        14.0 as darkest_mean,
        241.0 as brightest_mean,
        -- Of its neighbours in time: brighter or darker than this factor and than three times their own
        -- scatter.
        1.4 as exposure_factor,
        3 * 1.4826 as scatter,
        -- Of its neighbours' sharpness, by their light: a darker picture has weaker edges.
        0.3 as blurred_share,
        -- Renditions of one picture differ in width; another aspect is another picture.
        0.02 as aspect_share,
        0.6 as width_share
),

asked as (
    select
        *,
        coalesce(exposure_id, photo_key) as exposure,
        coalesce(is_thumbnail, false) or coalesce(product_type = 'thumbnail', false) as thumbnail,
        regexp_extract(coalesce(image_url_full, image_url), '[^/]+$') as file_name,
        case
            when lmst is not null then cast(lmst[11:12] as integer) * 60 + cast(lmst[14:15] as integer)
        end as minute_of_sol
    from silver.fact_photos
    where
        rover = $rover
        and (list_contains($cameras, camera) or list_contains($cameras, source_camera))
        and sol between $first_sol and $final_sol
        and sol > coalesce((select max(sol) from silver.fact_photos where rover = $rover) - $last_sols, -1)
),

timely as (
    select
        *,
        count(distinct case when not thumbnail then exposure end)
        over (partition by sol, source_camera, sequence_id) as exposures_of_sequence
    from asked
    where
        $since is null
        or (
            minute_of_sol is not null
            and case
                when $since <= $until then minute_of_sol >= $since and minute_of_sol < $until
                else minute_of_sol >= $since or minute_of_sol < $until
            end
        )
),

-- Views, by exposure: its thumbnail may look elsewhere by a rounding, its tiles do.
sights as (
    select
        source_camera, site, drive, exposure,
        min(sol) as sol,
        arg_min(view_azimuth_deg, photo_key) as azimuth,
        arg_min(view_elevation_deg, photo_key) as elevation
    from timely
    where
        $kind = 'view'
        and view_azimuth_deg is not null
        and site is not null
        and drive is not null
        and not thumbnail
    group by source_camera, site, drive, exposure
),

pairs_of_sights as (
    select a.exposure, a.source_camera, b.exposure as other, b.sol
    from sights as a
    inner join sights as b using (source_camera, site, drive)
    cross join rules
    where
        degrees(acos(least(1, greatest(-1,
            sin(radians(a.elevation)) * sin(radians(b.elevation))
            + cos(radians(a.elevation)) * cos(radians(b.elevation)) * cos(radians(a.azimuth - b.azimuth))
        )))) <= rules.view_deg
),

-- The exposure whose view most sols share.
centre as (
    select exposure, source_camera
    from pairs_of_sights
    group by exposure, source_camera
    order by count(distinct sol) desc, count(*) desc, exposure
    limit 1
),

candidates as (
    select timely.*
    from timely
    cross join rules
    where
        $kind = 'all'
        or ($kind = 'drive' and site is not null and drive is not null)
        or (
            $kind = 'sky'
            and (
                camera_role = 'sky'
                or (
                    view_elevation_deg >= sky_deg
                    and view_elevation_deg - coalesce(fov_v_deg, 0) / 2 > sky_edge_deg
                    and exposures_of_sequence >= series_frames
                )
            )
        )
        or (
            $kind = 'view'
            and (source_camera, exposure) in (
                select pairs.source_camera, pairs.other
                from pairs_of_sights as pairs
                inner join centre using (exposure, source_camera)
            )
        )
),

-- What the detector of each camera delivered at most, wherever it did.
detectors as (
    select
        source_camera,
        cast(max(subframe_x - 1 + subframe_width) as double) * max(subframe_y - 1 + subframe_height) as area
    from silver.fact_photos
    where rover = $rover
    group by source_camera
),

-- The navigation and hazard cameras of Perseverance never deliver 5120 x 3840 pixels in one piece. Where no
-- part of the detector is reported (v1), the name says it: _13_0LLJ is tile 13 at full scale, _04_195J tile 4
-- at half scale, _01_295J the whole at a quarter; tile 00 is a subframe. (The names and subframes of sols
-- 367, 888 and 1965 agree on that.)
named as (
    select
        *,
        regexp_extract(
            file_name,
            '^[NFR][LR][A-Z]_\d{4}_\d{10}_\d{3}[A-Z]{3}_[NT]\d{7}[A-Z_]{4}\d{5}_(\d{2})_([01])',
            ['tile', 'scale']
        ) as part
    from candidates
),

described as (
    select
        named.* exclude (exposures_of_sequence, minute_of_sol, part),
        -- The light of one filter, or one colour, is another kind than that of another; a name that says
        -- nothing is one of its own.
        concat_ws(
            ' ',
            coalesce(color_kind, 'unknown'),
            case
                when color_kind = 'band' and rover in ('spirit', 'opportunity') then upper(file_name[24:25])
                when color_kind = 'band' then file_name[3:3]
            end,
            case when product_type in ('video', 'focus_merge') then product_type end
        ) as form,
        product_type in ('reference_pixels', 'histogram', 'row_summed', 'column_summed', 'range_map')
        is true as is_no_picture,
        product_type = 'subframe' is true
        or part.scale != '' is true
        or cast(subframe_width as double) * subframe_height < whole_share * detectors.area is true as is_part,
        coalesce(part.tile, '') not in ('', '00') as is_tile_by_name,
        case
            when image_url_full is null or lower(image_url_full) like '%.img' then image_url
            when color_kind = 'bayer' or image_url is null then image_url_full
            else image_url
        end as address
    from named
    cross join rules
    left join detectors using (source_camera)
),

held as (
    select
        described.*,
        images.picture_key, images.sha256, images.bytes, images.mode, images.error,
        images.width_px as held_width_px,
        images.height_px as held_height_px,
        images.mean, images.spread, images.sharpness,
        images.saturated_share, images.black_share, images.perceptual_hash,
        -- A mosaic that somebody has made smaller is none any more. And of what is held as a small rendition,
        -- because somebody asked for that, there is a larger one.
        images.picture_key is not null
        and (color_kind = 'bayer' and images.width_px != described.width_px and images.mode = 'L') is not true
        and (images.source_url = image_url_small and image_url_small != described.address) is not true
        as is_held
    from described
    left join silver.fact_images as images on described.photo_key = images.photo_key
),

-- One form, then one size: those that most exposures have.
forms as (
    select form
    from held
    where not thumbnail and not is_no_picture and not is_part
    group by form
    order by
        count(distinct exposure) desc,
        list_position(['rgb', 'bayer', 'gray', 'band', 'unknown'], split_part(form, ' ', 1)),
        form
    limit 1
),

parted as (
    select
        held.*,
        -- Parts of one exposure at several places are its tiles.
        is_part
        and (
            is_tile_by_name
            or count(distinct case when is_part then concat_ws(',', subframe_x, subframe_y) end) over (
                partition by source_camera, exposure, thumbnail
            ) > 1
        ) as is_tile,
        form != coalesce((from forms), form) as is_other_form
    from held
),

sizes as (
    select width_px, height_px
    from parted
    where not thumbnail and not is_no_picture and not is_part and not is_other_form and width_px is not null
    group by width_px, height_px
    order by count(distinct exposure) desc, cast(width_px as bigint) * height_px desc, width_px
    limit 1
),

held_sizes as (
    select held_width_px as width, held_height_px as height
    from parted
    where not thumbnail and not is_no_picture and not is_part and not is_other_form and is_held
    group by held_width_px, held_height_px
    order by count(distinct exposure) desc, cast(held_width_px as bigint) * held_height_px desc, held_width_px
    limit 1
),

held_modes as (
    select mode in ('L', 'LA', '1', 'I', 'I;16') as is_gray
    from parted
    where not thumbnail and not is_no_picture and not is_part and not is_other_form and is_held
    group by is_gray
    order by count(distinct exposure) desc, is_gray
    limit 1
),

by_itself as (
    select
        parted.*,
        case
            when thumbnail then 'thumbnail'
            when is_no_picture then 'other_kind'
            when is_tile then 'tile'
            when is_part then 'subframe'
            when is_other_form then 'other_kind'
            when
                width_px is not null and (width_px, height_px) != (select (width_px, height_px) from sizes)
                then 'other_size'
            when error = 'missing' or address is null then 'missing'
            when error in ('damaged', 'refused') then 'damaged'
            when not is_held then null
            when mode in ('L', 'LA', '1', 'I', 'I;16') != (select is_gray from held_modes) then 'other_kind'
            when
                abs(held_width_px / held_height_px / (select width / height from held_sizes) - 1)
                > aspect_share
                or held_width_px < width_share * (select width from held_sizes)
                then 'other_size'
            when rules.black_share <= parted.black_share or mean < darkest_mean then 'underexposed'
            when rules.saturated_share <= parted.saturated_share or mean > brightest_mean then 'overexposed'
        end as reason_alone
    from parted
    cross join rules
),

-- Of the versions of an exposure that are good, the one with most pixels, of equals the one that was received
-- last.
versions as (
    select
        by_itself.*,
        case
            when reason_alone is not null then reason_alone
            when
                row_number() over (
                    partition by source_camera, exposure, reason_alone is null
                    order by
                        coalesce(cast(width_px as bigint) * height_px, 0) desc,
                        date_received desc nulls last,
                        photo_key desc
                ) > 1
                then 'older_version'
        end as reason_of_version,
        row_number() over (order by sol, taken_at_utc nulls last, photo_key) as place
    from by_itself
),

-- Beside its neighbours in time, four before and four after it. Across a cut of the sky movie there are no
-- neighbours.
compared as (
    select
        photo_key,
        median(mean) over beside as usual_mean,
        mad(mean) over beside as usual_scatter,
        median(sharpness / (mean * mean)) over beside as usual_sharpness,
        count(*) over beside as neighbours,
        row_number() over (partition by sha256 order by place) > 1
        or lag((perceptual_hash, mean, spread, sharpness)) over (order by place)
        is not distinct from (perceptual_hash, mean, spread, sharpness) as is_repeated
    from versions
    where reason_of_version is null and is_held
    window
        beside as (
            partition by case when $kind = 'sky' then (sol, source_camera, sequence_id) end
            order by place
            rows between 4 preceding and 4 following exclude current row
        )
),

beside_others as (
    select
        versions.*,
        case
            when reason_of_version is not null then reason_of_version
            when
                $kind != 'sky'
                and neighbours >= 3
                and versions.sharpness / (versions.mean * versions.mean) < blurred_share * usual_sharpness
                then 'blurred'
            when
                neighbours >= 3
                and abs(versions.mean - usual_mean) > scatter * usual_scatter
                and greatest(versions.mean / usual_mean, usual_mean / versions.mean) > exposure_factor
                then 'exposure_outlier'
            when is_repeated then 'repeated'
        end as reason_beside
    from versions
    cross join rules
    left join compared using (photo_key)
),

stops as (
    select
        *,
        case
            when reason_beside is not null then reason_beside
            when
                $kind = 'drive'
                and row_number() over (partition by site, drive, reason_beside is null order by place) > 1
                then 'same_stop'
        end as reason_of_stop
    from beside_others
),

newest as (
    select
        *,
        case
            when reason_of_stop is not null then reason_of_stop
            when
                row_number() over (partition by reason_of_stop is null order by place desc) > $most
                then 'over_limit'
            when not is_held then 'not_fetched'
        end as reason
    from stops
)

select
    photo_key, rover, sol, camera, source_camera, taken_at_utc, lmst, site, drive, sequence_id, color_kind,
    coalesce(held_width_px, width_px) as width_px,
    coalesce(held_height_px, height_px) as height_px,
    mode, source_id, credit, address, picture_key, sha256, bytes, mean, sharpness,
    view_azimuth_deg, view_elevation_deg, fov_h_deg, fov_v_deg,
    reason is null as chosen,
    reason
from newest
order by place
